import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ToolchainError } from '../error.js';

const run = promisify(execFile);
const MAX_OUTPUT = 16 * 1024 * 1024;

/** The full object id of a commit that `name` stands for. @throws {ToolchainError} `COMMIT_UNKNOWN` */
export async function resolveCommit(root: string, name: string): Promise<string> {
  try {
    return (await git(root, ['rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`])).trim();
  } catch (cause) {
    throw new ToolchainError('COMMIT_UNKNOWN', `Cannot find commit "${name}": the repository has none`, {
      cause,
      hint: 'Name a commit, branch or tag of this clone',
    });
  }
}

/** Writes the files of a commit below `paths` into `target`, as they were committed; the working tree is not looked at. */
export async function exportCommit(
  root: string,
  commit: string,
  paths: readonly string[],
  target: string,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'paved-export-'));
  try {
    const archive = join(folder, 'commit.tar');
    await git(root, ['archive', '--format=tar', `--output=${archive}`, commit, '--', ...paths]);
    await mkdir(target, { recursive: true });
    await run('tar', ['-xf', archive, '-C', target]);
  } catch (cause) {
    throw new ToolchainError(
      'RELEASE_INCOMPLETE',
      `Cannot read commit "${commit}": one of ${paths.join(', ')} is missing`,
      {
        cause,
        hint: 'Commit what npm run bundle, npm run docs and npm run render write',
      },
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A clone with its own objects, of which nothing but the commit's files is taken; `target` must not exist. */
export async function cloneAt(root: string, commit: string, target: string): Promise<void> {
  await git(root, ['clone', '--quiet', '--no-local', '--no-checkout', '--', root, target]);
  await git(target, ['-c', 'advice.detachedHead=false', 'checkout', '--quiet', '--detach', commit]);
}

async function git(cwd: string, args: readonly string[]): Promise<string> {
  const { stdout } = await run('git', ['-c', 'core.hooksPath=/dev/null', ...args], { cwd, maxBuffer: MAX_OUTPUT });
  return stdout;
}
