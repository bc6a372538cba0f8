import { generateDocs, writeFiles } from './docs/generate-docs.js';
import { runCommand } from './run-command.js';

await runCommand(async () => {
  const files = await generateDocs(process.cwd());
  await writeFiles(process.cwd(), files);
  for (const path of files.keys()) process.stdout.write(`${path}\n`);
});
