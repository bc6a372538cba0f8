import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseTrust } from '@paved/attestation';
import { isFile } from '../paths.js';
import { readConfig } from '../render/config.js';
import { actionYml } from './action-yml.js';
import { catalogEntry, catalogJson, catalogMarkdown } from './catalog.js';
import { renderComposites } from './composite.js';
import { loadDefinitions } from './load-definitions.js';
import { actionReadme } from './readme.js';
import { withThresholds } from './security-table.js';

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
  for (const [path, text] of await compositeFiles(root)) files.set(path, text);
  for (const [path, text] of await securityFile(root)) files.set(path, text);
  const entries = await Promise.all(definitions.map((definition) => catalogEntry(root, definition)));
  const commit = await lastReleased(root);
  files.set('action-catalog.json', catalogJson(entries, commit));
  files.set('action-catalog.md', catalogMarkdown(entries, commit));
  return files;
}

/** Only a root with a composite action needs a configuration. */
async function compositeFiles(root: string): Promise<ReadonlyMap<string, string>> {
  const path = join(root, 'paved.config.yml');
  return (await isFile(path)) ? await renderComposites(root, await readConfig(path)) : new Map();
}

/** What the platform's floor does to a finding, where the repository says how it treats vulnerabilities. */
async function securityFile(root: string): Promise<ReadonlyMap<string, string>> {
  const path = join(root, 'paved.config.yml');
  const text = await readFile(join(root, 'SECURITY.md'), 'utf8').catch(() => undefined);
  if (text === undefined || !(await isFile(path))) return new Map();
  const rendered = withThresholds(text, (await readConfig(path))['policy-floor']);
  return rendered === undefined ? new Map() : new Map([['SECURITY.md', rendered]]);
}

/** The commit that examples name; before the first release there is none. */
async function lastReleased(root: string): Promise<string | undefined> {
  const text = await readFile(join(root, 'trust.json'), 'utf8').catch(() => undefined);
  return text === undefined
    ? undefined
    : parseTrust(text).commits.findLast(({ status }) => status === 'released')?.commit;
}

export async function writeFiles(root: string, files: ReadonlyMap<string, string>): Promise<void> {
  for (const [path, text] of files) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
}
