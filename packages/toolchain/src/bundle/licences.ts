import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { object, optional, readJsonFile, string, unknown } from '@paved/json';
import { ToolchainError } from '../error.js';
import { isFile } from '../paths.js';

interface Package {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  readonly text: string;
}

const decodePackage = object({
  name: optional(string),
  version: optional(string),
  license: optional(unknown),
});
/** Between two packages in licenses.txt. */
export const LICENCE_SEPARATOR = `\n${'-'.repeat(72)}\n\n`;
const LICENCE_FILE = /^(un)?licen[cs]e|^copying|^notice/i;

/**
 * Licence texts of every package that has a module among `modules`, sorted by name and version; paved's own packages are left
 * out, because LICENSE covers them.
 * @throws {ToolchainError} `LICENCE_MISSING` for a package that declares none
 */
export async function licenceTexts(modules: readonly string[], root: string): Promise<string> {
  const folders = new Set<string>();
  for (const module of modules) {
    const folder = packageFolder(module);
    if (folder?.startsWith(join(root, 'node_modules'))) folders.add(folder);
  }
  const packages = new Map<string, Package>();
  for (const folder of folders) {
    const found = await readPackage(folder);
    packages.set(`${found.name}@${found.version}`, found);
  }
  const sorted = [...packages.entries()].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([id, { licence, text }]) => `${id}\n${licence}\n\n${text.trim()}\n`).join(LICENCE_SEPARATOR);
}

/** The folder below the innermost node_modules: what lies deeper may have manifests of its own that name no licence. */
function packageFolder(module: string): string | undefined {
  return /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(module)?.[0];
}

async function readPackage(folder: string): Promise<Package> {
  const { name = '', version = '', license } = await readJsonFile(join(folder, 'package.json'), decodePackage);
  if (typeof license !== 'string' || license === '') {
    throw new ToolchainError('LICENCE_MISSING', `Cannot write the licence of ${name}@${version}: it declares none`, {
      hint: 'Do not bundle a package without a licence',
    });
  }
  const names = (await readdir(folder)).filter((entry) => LICENCE_FILE.test(entry)).sort();
  const texts: string[] = [];
  for (const entry of names)
    if (await isFile(join(folder, entry))) texts.push(await readFile(join(folder, entry), 'utf8'));
  const text = texts.join('\n\n').replaceAll('\r\n', '\n').trim() || 'The package carries no licence text.';
  return { name, version, licence: license, text };
}
