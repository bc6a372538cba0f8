import { lstat, readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';

/** How a tree differs from the rebuilt one, with the path in it. */
export interface TreeDifference {
  readonly path: string;
  readonly state: 'differs' | 'missing' | 'unexpected' | 'mode';
}

/**
 * Compares the folder with `expected` byte for byte. An entry that is neither folder nor regular file is unexpected, whatever it
 * leads to, and a file that may be executed has another mode: git would record it. A `.git` at the top is not part of the tree.
 */
export async function compareTree(
  folder: string,
  expected: ReadonlyMap<string, Uint8Array>,
): Promise<readonly TreeDifference[]> {
  const found = new Set<string>();
  const differences: TreeDifference[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = relative(folder, join(entry.parentPath, entry.name));
    if (path === '.git' || path.startsWith('.git/') || entry.isDirectory()) continue;
    found.add(path);
    const bytes = expected.get(path);
    if (bytes === undefined || !entry.isFile()) differences.push({ path, state: 'unexpected' });
    else if (!(await readFile(join(folder, path))).equals(bytes)) differences.push({ path, state: 'differs' });
    else if (((await lstat(join(folder, path))).mode & 0o111) !== 0) differences.push({ path, state: 'mode' });
  }
  for (const path of expected.keys()) if (!found.has(path)) differences.push({ path, state: 'missing' });
  return differences.sort((a, b) => (a.path < b.path ? -1 : 1));
}
