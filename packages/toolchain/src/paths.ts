import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Whether a regular file stands at `path`. */
export async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (info) => info.isFile(),
    () => false,
  );
}

/** Names of the folders under actions/ that have `src/<file>`, sorted. */
export async function actionNames(root: string, file: 'main.ts' | 'definition.ts'): Promise<readonly string[]> {
  const entries = await readdir(join(root, 'actions'), { withFileTypes: true });
  const names: string[] = [];
  for (const entry of entries) {
    if (entry.isDirectory() && (await isFile(join(root, 'actions', entry.name, 'src', file)))) names.push(entry.name);
  }
  return names.sort();
}

/** Regular files below `folder` as paths relative to it, sorted; an absent folder has none. */
export async function filesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}
