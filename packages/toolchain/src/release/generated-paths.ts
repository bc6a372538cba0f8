import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { filesBelow, isFile } from '../paths.js';
import { isGenerated } from '../render/stale-workflows.js';

/** Committed files that commands write, relative to the root: a rebuild starts without them. READMEs keep notes written by hand. */
export async function generatedPaths(root: string): Promise<readonly string[]> {
  const candidates = ['action-catalog.json', 'action-catalog.md'];
  for (const path of await filesBelow(join(root, 'dist'))) candidates.push(`dist/${path}`);
  for (const name of await readdir(join(root, 'actions'))) candidates.push(`actions/${name}/action.yml`);
  const sources = await filesBelow(join(root, 'workflows'));
  for (const path of await filesBelow(join(root, '.github/workflows'))) {
    // Some are derived from several sources, so their names say nothing: their first line does.
    if (sources.includes(path) || (await isGenerated(join(root, '.github/workflows', path))))
      candidates.push(`.github/workflows/${path}`);
  }
  const found: string[] = [];
  for (const path of candidates) if (await isFile(join(root, path))) found.push(path);
  return found;
}
