import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { guess } from './guess.mjs';
import { actionHelp, overview } from './help.mjs';
import { readInputs } from './inputs.mjs';
import { ROOT } from './root.mjs';
import { runAction } from './run-action.mjs';
import { UsageError } from './usage-error.mjs';

/** Runs the command line and returns the exit status: the action's, or 1 for wrong usage. */
export async function main(argv) {
  const json = argv.includes('--json');
  try {
    return await dispatch(argv, json);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const { code, message, hint } = error;
    if (json) process.stdout.write(`${JSON.stringify({ ok: false, error: { code, message, hint } }, null, 2)}\n`);
    process.stderr.write(`${code}: ${message}\n${hint}\n`);
    return 1;
  }
}

async function dispatch(argv, json) {
  const catalog = readCatalog();
  const [name, ...rest] = argv.filter((argument) => argument !== '--json');
  if (name === undefined || name === '--help' || name === '-h') {
    process.stdout.write(overview(catalog));
    return name === undefined ? 1 : 0;
  }
  const action = catalog.actions.find((candidate) => candidate.name === name);
  if (action === undefined) {
    const names = catalog.actions.map((candidate) => candidate.name);
    throw new UsageError(
      'ACTION_UNKNOWN',
      `Cannot run "${name}": there is no such action`,
      guess(name, names, 'paved --help'),
    );
  }
  if (rest.includes('--help') || rest.includes('-h')) {
    process.stdout.write(actionHelp(action));
    return 0;
  }
  return await runAction(action, await readInputs(action, rest), json);
}

function readCatalog() {
  try {
    const catalog = JSON.parse(readFileSync(join(ROOT, 'action-catalog.json'), 'utf8'));
    // A composite action is steps of a job, not a program.
    return { actions: catalog.actions.filter(({ composite }) => composite === undefined) };
  } catch {
    throw new UsageError(
      'CATALOG_MISSING',
      'Cannot read action-catalog.json: it is missing',
      'Run "npm run docs" first',
    );
  }
}
