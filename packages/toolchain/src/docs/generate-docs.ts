import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { actionYml } from './action-yml.js';
import { catalogEntry, catalogJson, catalogMarkdown } from './catalog.js';
import { loadDefinitions } from './load-definitions.js';
import { actionReadme } from './readme.js';

/** Every generated document by its path relative to the root; the bundles in dist/ are read for their digests. */
export async function generateDocs(root: string): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  const definitions = await loadDefinitions(root);
  for (const definition of definitions) {
    const folder = `actions/${definition.name}`;
    const current = await readFile(join(root, folder, 'README.md'), 'utf8').catch(() => undefined);
    files.set(`${folder}/action.yml`, actionYml(definition));
    files.set(`${folder}/README.md`, actionReadme(definition, current));
  }
  const entries = await Promise.all(definitions.map((definition) => catalogEntry(root, definition)));
  files.set('action-catalog.json', catalogJson(entries));
  files.set('action-catalog.md', catalogMarkdown(entries));
  return files;
}

export async function writeFiles(root: string, files: ReadonlyMap<string, string>): Promise<void> {
  for (const [path, text] of files) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
}
