import { join } from 'node:path';
import { gitTreeHash } from './release/git-tree.js';
import { releaseFiles, writeReleaseTree } from './release/release-tree.js';
import { runCommand } from './run-command.js';

await runCommand(async () => {
  const files = await releaseFiles(process.cwd());
  await writeReleaseTree(join(process.cwd(), 'build/release-tree'), files);
  process.stdout.write(`${gitTreeHash(files)}\n`);
});
