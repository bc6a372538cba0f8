import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { filesBelow } from '../paths.js';

/** How the first line of everything that is rendered begins. */
export const GENERATED_HEADING = '# Generated from ';

/**
 * Rendered files in `folder` that nothing renders to any more, sorted. They would go on to be called, with the machines and services of an
 * earlier configuration, and under an identity that is trusted.
 */
export async function staleWorkflows(
  folder: string,
  rendered: readonly { readonly name: string }[],
): Promise<readonly string[]> {
  const known = new Set(rendered.map(({ name }) => name));
  const stale: string[] = [];
  for (const name of await filesBelow(folder)) {
    if (!known.has(name) && (await isGenerated(join(folder, name)))) stale.push(name);
  }
  return stale;
}

export async function isGenerated(path: string): Promise<boolean> {
  return (await readFile(path, 'utf8')).startsWith(GENERATED_HEADING);
}
