import { join } from 'node:path';
import { sha256File } from '@paved/digest';
import type { ActionDefinition } from '@paved/runner-kit';
import { isFile } from '../paths.js';
import { markdownTable } from './markdown-table.js';
import { declarations } from './readme.js';

export interface CatalogBundle {
  readonly path: string;
  readonly sha256: string;
}

export interface CatalogEntry {
  readonly definition: ActionDefinition;
  /** Empty before the first `npm run bundle`. */
  readonly bundles: readonly CatalogBundle[];
}

/** Reads the digests of the committed bundles. */
export async function catalogEntry(root: string, definition: ActionDefinition): Promise<CatalogEntry> {
  const bundles: CatalogBundle[] = [];
  for (const file of ['index.js', 'post.js']) {
    const path = `dist/${definition.name}/${file}`;
    if (await isFile(join(root, path))) bundles.push({ path, sha256: await sha256File(join(root, path)) });
  }
  return { definition, bundles };
}

export function catalogJson(entries: readonly CatalogEntry[]): string {
  const actions = entries.map(({ definition, bundles }) => ({
    name: definition.name,
    purpose: definition.purpose,
    internal: definition.internal ?? false,
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
    example: definition.example.trim(),
  }));
  const document = {
    mediaType: 'application/vnd.paved.action-catalog.v1+json',
    generated: 'from actions/*/src/definition.ts and dist/ by "npm run docs"; do not edit',
    rederive: 'npm ci && npm run bundle && sha256sum dist/*/*.js',
    actions,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

export function catalogMarkdown(entries: readonly CatalogEntry[]): string {
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
  for (const { definition, bundles } of entries) {
    parts.push(`## ${definition.name}`, `${definition.purpose}.`, ...declarations(definition, 3));
    const digests = bundles.map(({ path, sha256 }) => [`\`${path}\``, `\`${sha256}\``]);
    parts.push('### Bundle', digests.length === 0 ? 'Not bundled.' : markdownTable(['File', 'Digest'], digests));
    parts.push('### Use', `\`\`\`yaml\n${definition.example.trim()}\n\`\`\``);
  }
  return `${parts.join('\n\n')}\n`;
}
