import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ToolchainError } from '../error.js';
import { generatedPaths } from './generated-paths.js';
import { cloneAt } from './git.js';
import { releaseFiles } from './release-tree.js';

const MAX_LOG = 8000;
/** The order in which the generated files follow from each other: the catalog has the digests of the bundles. */
const STEPS: readonly (readonly string[])[] = [
  ['ci'],
  ['run', '-s', 'bundle'],
  ['run', '-s', 'docs'],
  ['run', '-s', 'render'],
];

/**
 * Makes the release files of a commit from nothing but its sources: a clone under another path, packages by its lock file, umask 077,
 * and every committed product deleted first, so that none of them can vouch for itself.
 * @throws {ToolchainError} `REBUILD_FAILED` with the end of the log as cause
 */
export async function rebuildRelease(
  root: string,
  commit: string,
  say: (line: string) => void,
): Promise<ReadonlyMap<string, Buffer>> {
  const folder = await mkdtemp(join(tmpdir(), 'paved-rebuild-'));
  const clone = join(folder, 'another-name');
  try {
    await cloneAt(root, commit, clone);
    for (const path of await generatedPaths(clone)) await rm(join(clone, path), { recursive: true });
    for (const step of STEPS) {
      say(`npm ${step.join(' ')}`);
      await npm(step, clone, join(folder, 'log'));
    }
    return await releaseFiles(clone);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function npm(args: readonly string[], cwd: string, log: string): Promise<void> {
  const status = await new Promise<number | null>((resolve, reject) => {
    const script = 'umask 077; log=$1; shift; exec npm "$@" >"$log" 2>&1';
    const child = spawn('/bin/sh', ['-c', script, 'sh', log, ...args], {
      cwd,
      env: cleanEnvironment(),
      stdio: 'ignore',
    });
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (status === 0) return;
  const end = (await readFile(log, 'utf8').catch(() => '')).slice(-MAX_LOG);
  throw new ToolchainError(
    'REBUILD_FAILED',
    `Cannot rebuild the release: "npm ${args.join(' ')}" ended with ${status}`,
    {
      cause: { stderr: end },
      hint: 'Run the same command in a clean clone of the commit',
    },
  );
}

/** What an outer `npm run` sets about its own package, and the PATH entries of its node_modules, are not the clone's. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(
    ([name]) =>
      !/^(npm_(package|lifecycle|config_local_prefix|execpath|node_execpath)|INIT_CWD|NODE_OPTIONS)/.test(name),
  );
  const path = (process.env.PATH ?? '').split(':').filter((part) => !part.includes('node_modules/'));
  return { ...Object.fromEntries(entries), PATH: path.join(':') };
}
