import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const MAX_BYTES = 100 * 1024 * 1024;

export type GitObject =
  | { readonly kind: 'file'; readonly sha: string; readonly bytes: Buffer }
  | { readonly kind: 'folder'; readonly entries: readonly { readonly name: string; readonly type: 'file' | 'dir' }[] };

/** Reads a path at a commit, branch or tag of the repository in `folder`; undefined when there is no such object. */
export async function readGitObject(folder: string, ref: string, path: string): Promise<GitObject | undefined> {
  // A ref that begins with a dash would be an option; `--end-of-options` is not known to every git subcommand used here.
  if (!/^[\w./@+-]+$/.test(ref) || ref.startsWith('-') || path.startsWith('-')) return undefined;
  const object = `${ref}:${path}`;
  const type = (await git(folder, ['cat-file', '-t', object]))?.toString('utf8').trim();
  if (type === 'blob') {
    const [sha, bytes] = await Promise.all([
      git(folder, ['rev-parse', object]),
      git(folder, ['cat-file', 'blob', object]),
    ]);
    return { kind: 'file', sha: sha?.toString('utf8').trim() ?? '', bytes: bytes ?? Buffer.alloc(0) };
  }
  if (type !== 'tree') return undefined;
  const listing = (await git(folder, ['ls-tree', object]))?.toString('utf8') ?? '';
  const entries = [...listing.matchAll(/^\d+ (blob|tree) [0-9a-f]+\t(.+)$/gm)];
  return {
    kind: 'folder',
    entries: entries.map((match) => ({ name: match[2] ?? '', type: match[1] === 'tree' ? 'dir' : 'file' })),
  };
}

/** The commit that a branch points at, or undefined. */
export async function branchCommit(folder: string, branch: string): Promise<string | undefined> {
  const commit = await git(folder, ['rev-parse', '--verify', '--quiet', `refs/heads/${branch}^{commit}`]);
  return commit?.toString('utf8').trim();
}

const COMMIT = /^[0-9a-f]{40}$/;

/** What `head` has and `base` has not, oldest first; undefined when one of them is no commit of the repository. */
export async function commitsBetween(
  folder: string,
  base: string,
  head: string,
): Promise<readonly string[] | undefined> {
  if (!COMMIT.test(base) || !COMMIT.test(head)) return undefined;
  const list = await git(folder, ['rev-list', '--reverse', `${base}..${head}`]);
  return list
    ?.toString('utf8')
    .split('\n')
    .filter((line) => line !== '');
}

async function git(folder: string, args: readonly string[]): Promise<Buffer | undefined> {
  try {
    const options = { cwd: folder, encoding: 'buffer', maxBuffer: MAX_BYTES } as const;
    return (await run('git', ['-c', 'safe.directory=*', ...args], options)).stdout;
  } catch {
    return undefined;
  }
}
