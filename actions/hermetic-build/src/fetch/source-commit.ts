import { lstat, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { HermeticBuildError } from '../error.js';

const COMMIT = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;
const REF = /^refs\/(?!.*(?:^|\/)\.)[^\0-\x20\x7f~^:?*[\\]+$/;

/**
 * Compares the checked out commit with the one that this run is for. git's files are read, git is not run: its configuration in
 * the checkout can name programs. Without `.git` there is nothing to compare, and the result is `undefined`.
 * @param boundary the folder above which nothing is looked for
 * @throws {HermeticBuildError} `SOURCE_MISMATCH`, also when HEAD cannot be read
 */
export async function assertSourceCommit(
  sourcePath: string,
  boundary: string,
  sha: string,
): Promise<string | undefined> {
  const gitPath = await findGit(sourcePath, boundary);
  if (gitPath === undefined) return undefined;
  const found = await headCommit(gitPath).catch(() => undefined);
  if (found === sha) return found;
  const state =
    found === undefined ? 'its HEAD cannot be read' : `commit ${found} is checked out, the run is for ${sha}`;
  throw new HermeticBuildError('SOURCE_MISMATCH', `Cannot build "${sourcePath}": ${state}`, {
    hint: 'Check out the commit of the run: actions/checkout without "ref", or with ref: github.sha',
  });
}

async function findGit(sourcePath: string, boundary: string): Promise<string | undefined> {
  const top = resolve(boundary);
  for (let folder = resolve(sourcePath); ; folder = dirname(folder)) {
    const found = await lstat(join(folder, '.git')).catch(() => undefined);
    if (found !== undefined) return join(folder, '.git');
    if (folder === top || folder === dirname(folder)) return undefined;
  }
}

async function headCommit(gitPath: string): Promise<string | undefined> {
  const folder = await gitFolder(gitPath);
  const head = (await readFile(join(folder, 'HEAD'), 'utf8')).trim();
  if (COMMIT.test(head)) return head;
  const ref = head.startsWith('ref: ') ? head.slice('ref: '.length) : '';
  if (!REF.test(ref)) return undefined;
  const common = await commonFolder(folder);
  const loose = (await readFile(join(common, ref), 'utf8').catch(() => '')).trim();
  return COMMIT.test(loose) ? loose : await packedCommit(common, ref);
}

/** A worktree or submodule has a file that names the folder. */
async function gitFolder(gitPath: string): Promise<string> {
  if ((await lstat(gitPath)).isDirectory()) return gitPath;
  const text = await readFile(gitPath, 'utf8');
  return resolve(dirname(gitPath), text.replace(/^gitdir: /, '').trim());
}

async function commonFolder(folder: string): Promise<string> {
  const common = await readFile(join(folder, 'commondir'), 'utf8').catch(() => '.');
  return resolve(folder, common.trim());
}

async function packedCommit(folder: string, ref: string): Promise<string | undefined> {
  const lines = (await readFile(join(folder, 'packed-refs'), 'utf8').catch(() => '')).split('\n');
  const found = lines.find((line) => line.slice(line.indexOf(' ') + 1) === ref)?.split(' ')[0];
  return found !== undefined && COMMIT.test(found) ? found : undefined;
}
