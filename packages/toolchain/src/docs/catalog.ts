import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256File } from '@paved/digest';
import type { ActionDefinition } from '@paved/runner-kit';
import { LICENCE_SEPARATOR } from '../bundle/licences.js';
import { filesBelow } from '../paths.js';
import { compositeSource, partsOf } from './composite.js';
import { markdownTable } from './markdown-table.js';
import { declarations } from './readme.js';

export interface CatalogBundle {
  readonly path: string;
  readonly sha256: string;
}

/** A package that is part of a bundle, `name@version`, with its SPDX expression as it declares it. */
export interface CatalogLicence {
  readonly package: string;
  readonly licence: string;
}

export interface CatalogEntry {
  readonly definition: ActionDefinition;
  /** Empty before the first `npm run bundle`. */
  readonly bundles: readonly CatalogBundle[];
  readonly licences?: readonly CatalogLicence[];
  /** Own actions that a composite one is made of. */
  readonly composite?: readonly string[];
}

/** Reads the digests and licences of the committed bundles, chunks that load on demand included. */
export async function catalogEntry(root: string, definition: ActionDefinition): Promise<CatalogEntry> {
  const folder = join(root, 'dist', definition.name);
  const bundles: CatalogBundle[] = [];
  for (const file of await filesBelow(folder)) {
    if (!file.endsWith('.js')) continue;
    bundles.push({ path: `dist/${definition.name}/${file}`, sha256: await sha256File(join(folder, file)) });
  }
  const text = await readFile(join(folder, 'licenses.txt'), 'utf8').catch(() => '');
  const source = await compositeSource(root, definition.name);
  const composite = source === undefined ? {} : { composite: partsOf(source) };
  return { definition, bundles, licences: parseLicences(text), ...composite };
}

function parseLicences(text: string): readonly CatalogLicence[] {
  if (text === '') return [];
  return text.split(LICENCE_SEPARATOR).map((section) => {
    const [name = '', licence = ''] = section.trimStart().split('\n');
    return { package: name, licence };
  });
}

/** A step as callers should write it: by the commit of a release, because a tag can be moved. */
function pinned(example: string, commit: string): string {
  return example.trim().replaceAll(/(uses: org\/paved\/[a-z-]+)@v1\b/g, `$1@${commit}`);
}

/** @param commit of the last release, for the examples (default: a placeholder) */
export function catalogJson(entries: readonly CatalogEntry[], commit = '<commit>'): string {
  const actions = entries.map(({ definition, bundles, licences = [], composite }) => ({
    name: definition.name,
    purpose: definition.purpose,
    internal: definition.internal ?? false,
    ...(composite === undefined ? {} : { composite }),
    inputs: Object.entries(definition.inputs).map(
      ([name, { kind, description, required, default: fallback, choices }]) => ({
        name,
        kind,
        description,
        required,
        ...(fallback === undefined ? {} : { default: fallback }),
        ...(choices === undefined ? {} : { choices }),
      }),
    ),
    outputs: Object.entries(definition.outputs).map(([name, { description }]) => ({ name, description })),
    permissions: definition.permissions,
    hosts: definition.hosts,
    writes: definition.writes,
    post: definition.post ?? false,
    bundles,
    licences,
    example: pinned(definition.example, commit),
  }));
  const document = {
    mediaType: 'application/vnd.paved.action-catalog.v1+json',
    generated: 'from actions/*/src/definition.ts and dist/ by "npm run docs"; do not edit',
    rederive: 'npm ci && npm run bundle && sha256sum dist/*/*.js',
    actions,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

export function catalogMarkdown(entries: readonly CatalogEntry[], commit = '<commit>'): string {
  const overview = entries.map(({ definition }) => [
    `[${definition.name}](#${definition.name})${definition.internal ? ' (internal)' : ''}`,
    definition.purpose,
    Object.entries(definition.permissions)
      .map(([name, access]) => `\`${name}: ${access}\``)
      .join(', ') || 'none',
  ]);
  const parts = [
    '<!-- Generated from actions/*/src/definition.ts and dist/ by "npm run docs"; do not edit. -->',
    '# Action catalog',
    'What each action needs, does and is. The digests are those of the committed bundles; re-derive them from the sources with',
    '```\nnpm ci && npm run bundle && sha256sum dist/*/*.js\n```',
    markdownTable(['Action', 'Purpose', 'Permissions'], overview),
  ];
  for (const { definition, bundles, licences = [], composite } of entries) {
    parts.push(`## ${definition.name}`, `${definition.purpose}.`, ...declarations(definition, 3));
    const digests = bundles.map(({ path, sha256 }) => [`\`${path}\``, `\`${sha256}\``]);
    const made =
      composite === undefined
        ? 'Not bundled.'
        : `Composite of ${composite.map((name) => `[${name}](#${name})`).join(', ')}.`;
    parts.push('### Bundle', digests.length === 0 ? made : markdownTable(['File', 'Digest'], digests));
    if (licences.length > 0) parts.push('### Licences', licenceSummary(licences));
    parts.push('### Use', `\`\`\`yaml\n${pinned(definition.example, commit)}\n\`\`\``);
  }
  return `${parts.join('\n\n')}\n`;
}

/** One line for each licence; the texts are in licenses.txt beside the bundle. */
function licenceSummary(licences: readonly CatalogLicence[]): string {
  const groups = new Map<string, string[]>();
  for (const { package: name, licence } of licences) groups.set(licence, [...(groups.get(licence) ?? []), name]);
  const rows = [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([licence, names]) => [licence, names.join(', ')]);
  return markdownTable(['Licence', 'Packages'], rows);
}
