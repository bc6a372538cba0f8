import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Makes the empty folder in which ncc runs: always at the same place relative to the root, because webpack derives module ids from
 * it. Its own tsconfig.json keeps ncc from reading one further up.
 */
export async function createWorkbench(root: string, name: string): Promise<string> {
  const folder = join(root, 'build', 'bundle', name);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'tsconfig.json'), '{}');
  return folder;
}
