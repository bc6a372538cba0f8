import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { defineAction, input } from '@paved/runner-kit';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { catalogJson, catalogMarkdown } from '../src/index.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const validate = new Ajv2020({ strict: false }).compile(
  JSON.parse(await readFile(`${ROOT}docs/schemas/catalog.schema.json`, 'utf8')),
);
const COMMIT = 'c'.repeat(40);

type Entry = Record<string, unknown> & {
  readonly name: string;
  readonly internal: boolean;
  readonly example: string;
  readonly bundles: readonly { readonly path: string; readonly sha256: string }[];
  readonly licences: readonly unknown[];
};
type Catalog = Record<string, unknown> & { readonly actions: readonly Entry[] };

const committed = JSON.parse(await readFile(`${ROOT}action-catalog.json`, 'utf8')) as Catalog;

describe('the committed catalog', () => {
  test('fits its schema', () => {
    expect([validate(committed), validate.errors]).toEqual([true, null]);
  });

  test('pins every public example by commit', () => {
    for (const { internal, example } of committed.actions) if (!internal) expect(example).not.toMatch(/@v\d/);
  });

  test('has the digest and the licences of every bundle', async () => {
    for (const { bundles, licences, composite } of committed.actions) {
      if (composite === undefined) expect([bundles.length, licences.length]).not.toContain(0);
      for (const { path, sha256 } of bundles) {
        const bytes = await readFile(`${ROOT}${path}`);
        expect([path, sha256]).toEqual([path, `sha256:${createHash('sha256').update(bytes).digest('hex')}`]);
      }
    }
  });
});

describe('the schema refuses', () => {
  const [first] = committed.actions;
  test.each<readonly [string, Record<string, unknown>]>([
    ['a bundle without its digest', { bundles: [{ path: 'dist/sign/index.js', sha256: 'sha256:0' }] }],
    ['a bundle elsewhere', { bundles: [{ path: '../index.js', sha256: `sha256:${'0'.repeat(64)}` }] }],
    ['a permission that is no level', { permissions: { contents: 'admin' } }],
    ['an example by tag', { example: '- uses: org/paved/sign@v1' }],
    ['a package without a version', { licences: [{ package: 'ajv', licence: 'MIT' }] }],
    ['a package without a licence', { licences: [{ package: 'ajv@1.0.0', licence: '' }] }],
    ['a field that it does not know', { note: 'x' }],
  ])('%s', (_name, change) => {
    expect(validate({ ...committed, actions: [{ ...first, ...change }] })).toBe(false);
  });
});

test('examples name the commit of the last release', () => {
  const definition = defineAction({
    name: 'probe',
    purpose: 'Shows',
    inputs: { a: input.string({ description: 'A' }) },
    outputs: {},
    permissions: {},
    hosts: [],
    writes: [],
    example: '- uses: org/paved/probe@v1\n  with:\n    a: org/paved/probe@v1',
  });
  const entries = [{ definition, bundles: [], licences: [{ package: 'ajv@8.20.0', licence: 'MIT' }] }];
  expect((JSON.parse(catalogJson(entries, COMMIT)) as Catalog).actions[0]?.example).toBe(
    `- uses: org/paved/probe@${COMMIT}\n  with:\n    a: org/paved/probe@v1`,
  );
  expect(catalogMarkdown(entries)).toContain('- uses: org/paved/probe@<commit>');
  expect(catalogMarkdown(entries)).toMatch(/\| MIT +\| ajv@8\.20\.0 +\|/);
});
