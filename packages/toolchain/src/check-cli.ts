import { runChecks, selectChecks } from './checks/run-checks.js';
import { runCommand } from './run-command.js';

await runCommand(async () => {
  const lines = await runChecks(process.cwd(), selectChecks(process.argv.slice(2)));
  for (const line of lines) process.stderr.write(`${line}\n`);
  if (lines.length > 0) process.exitCode = 1;
});
