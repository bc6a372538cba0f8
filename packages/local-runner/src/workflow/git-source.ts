import { execFile } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { LocalRunnerError } from '../error.js';
import { hostPath } from '../process/host-path.js';

const execute = promisify(execFile);
const MAX_BYTES = 64 * 1024 * 1024;
const COMMIT = /^[0-9a-f]{40}$/;

/** Git with no configuration but its own, so that the host's settings and credentials play no part. */
export async function git(args: readonly string[], cwd?: string): Promise<string> {
  const options = {
    encoding: 'utf8',
    maxBuffer: MAX_BYTES,
    env: gitEnvironment(),
    ...(cwd === undefined ? {} : { cwd }),
  };
  const { stdout } = await execute('git', ['-c', 'safe.directory=*', '-c', 'advice.detachedHead=false', ...args], {
    ...options,
    encoding: 'utf8',
  });
  return stdout;
}

function gitEnvironment(): Record<string, string> {
  return {
    PATH: hostPath(),
    HOME: '/nonexistent',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    LC_ALL: 'C',
  };
}

/** @throws {LocalRunnerError} `COMMIT_MISSING` */
export async function assertCommit(repository: string, folder: string, sha: string): Promise<void> {
  const type = COMMIT.test(sha) ? await git(['cat-file', '-t', sha], folder).catch(() => '') : '';
  if (type.trim() === 'commit') return;
  throw new LocalRunnerError('COMMIT_MISSING', `Cannot find commit "${sha.slice(0, 60)}" of ${repository}`, {
    hint: 'Commit what the run should see; the runner reads git, never the working tree',
  });
}

/** @throws {LocalRunnerError} `WORKFLOW_NOT_FOUND` */
export async function readFileAt(folder: string, sha: string, path: string): Promise<string> {
  try {
    return await git(['show', `${sha}:${path}`], folder);
  } catch (cause) {
    throw new LocalRunnerError('WORKFLOW_NOT_FOUND', `Cannot find "${path}" at commit ${sha}`, { cause });
  }
}

/** Unpacks the tree of a commit, as the runner does with an action's repository; the target has no `.git`. */
export async function exportTree(folder: string, sha: string, target: string): Promise<void> {
  await mkdir(target, { recursive: true });
  const archive = join(target, '..', `${sha}.tar`);
  await git(['archive', '--format=tar', `--output=${archive}`, sha], folder);
  await execute('tar', ['-x', '-f', archive, '-C', target], { env: gitEnvironment() });
  await rm(archive);
}
