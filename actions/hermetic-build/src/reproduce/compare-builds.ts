import { lstat, readdir } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { sha256File } from '@paved/digest';
import { explainDifference } from './explain-difference.js';

export interface FileDifference {
  readonly path: string;
  /** `sha256:<hex>`; absent where only the other build has the file. */
  readonly first?: string;
  readonly second?: string;
  readonly reason: string;
}

/** Every file that two folders of outputs do not share byte for byte, by path, with the reason as far as it can be seen. */
export async function compareBuilds(first: string, second: string): Promise<readonly FileDifference[]> {
  const [a, b] = [await filesBelow(first, ''), await filesBelow(second, '')];
  const differences: FileDifference[] = [];
  for (const path of [...new Set([...a.keys(), ...b.keys()])].sort()) {
    const [x, y] = [a.get(path), b.get(path)];
    const one = x === undefined ? undefined : await sha256File(join(first, path));
    const other = y === undefined ? undefined : await sha256File(join(second, path));
    const digests = { ...(one === undefined ? {} : { first: one }), ...(other === undefined ? {} : { second: other }) };
    if (x === undefined || y === undefined) differences.push({ path, ...digests, reason: 'only one build left it' });
    else if (one !== other) {
      differences.push({ path, ...digests, reason: await explainDifference(join(first, path), join(second, path)) });
    } else if (x !== y) differences.push({ path, ...digests, reason: 'one is executable, the other is not' });
  }
  return differences;
}

/** Path to whether it is executable. */
async function filesBelow(root: string, folder: string): Promise<ReadonlyMap<string, boolean>> {
  const found = new Map<string, boolean>();
  for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
    const path = posix.join(folder, entry.name);
    if (entry.isDirectory()) for (const [below, mode] of await filesBelow(root, path)) found.set(below, mode);
    else found.set(path, ((await lstat(join(root, path))).mode & 0o111) !== 0);
  }
  return found;
}
