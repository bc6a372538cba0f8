import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ToolchainError } from '../error.js';
import { resolveCommit } from './git.js';

const run = promisify(execFile);
const VERSION = /^v(\d+)\.\d+\.\d+$/;

export interface ReleaseTags {
  /** The commit that holds the tree and nothing else. */
  readonly commit: string;
  /** Made once and never moved. */
  readonly version: string;
  /** `v1`: moved to this commit. */
  readonly major: string;
}

/**
 * Commits the files of `tree` without touching index, branch or working tree, with the last release of the same major version as
 * parent, and tags the commit: `vX.Y.Z` only if there is none, `vX` moved. Nothing is pushed.
 * @throws {ToolchainError} `TAG_REFUSED`
 */
export async function tagRelease(root: string, tree: string, source: string, version: string): Promise<ReleaseTags> {
  const major = VERSION.exec(version)?.[1];
  if (major === undefined) throw refused(version, 'it is not vX.Y.Z');
  if (await tagged(root, version)) throw refused(version, 'it exists, and a version is never moved');
  const index = { GIT_INDEX_FILE: `${tree}.index` };
  const git = async (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> =>
    (await run('git', [...args], { cwd: root, env: { ...process.env, ...env } })).stdout.trim();
  await git(['read-tree', '--empty'], index);
  await git([`--work-tree=${tree}`, 'add', '--all', '--force', '--', '.'], index);
  const id = await git(['write-tree'], index);
  const parent = await tagged(root, `v${major}`);
  const message = `paved ${version}\n\nThe release tree of ${source}.`;
  const parents = parent === undefined ? [] : ['-p', parent];
  const commit = await git(['commit-tree', id, ...parents, '-m', message]);
  await git(['tag', '--annotate', `--message=paved ${version}`, version, commit]);
  await git(['tag', '--force', `v${major}`, commit]);
  return { commit, version, major: `v${major}` };
}

async function tagged(root: string, tag: string): Promise<string | undefined> {
  return await resolveCommit(root, `refs/tags/${tag}`).catch(() => undefined);
}

function refused(version: string, state: string): ToolchainError {
  return new ToolchainError('TAG_REFUSED', `Cannot tag ${JSON.stringify(version)}: ${state}`, {
    hint: 'Use the next version, as in "npm run release:tag -- v1.2.3"',
  });
}
