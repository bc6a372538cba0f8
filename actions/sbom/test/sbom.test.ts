import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type FetchManifest, parseSbom, purlOf } from '@paved/bom';
import { sha256 } from '@paved/digest';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { definition } from '../src/definition.js';
import { run } from '../src/run.js';

const manifest: FetchManifest = {
  mediaType: 'application/vnd.paved.fetch-manifest.v1+json',
  source: { repository: 'https://github.com/octo/app', sha: '1'.repeat(40), path: '' },
  root: { name: 'app', version: '1.2.3', purl: 'pkg:npm/app@1.2.3' },
  lockfiles: [{ path: 'package-lock.json', kind: 'npm', sha256: 'c'.repeat(64) }],
  packages: [
    {
      purl: purlOf('npm', 'ms', '2.1.2'),
      name: 'ms',
      version: '2.1.2',
      ecosystem: 'npm',
      size: 10,
      digests: { sha256: 'a'.repeat(64) },
      lockDigest: 'sha512-x',
      direct: true,
      scope: 'runtime',
      licence: 'MIT',
      dependencies: [],
      locations: ['node_modules/ms'],
    },
  ],
  fetchedAt: '2025-09-01T10:00:00.123Z',
};

describe('sbom', () => {
  let kit: TestContext;
  beforeEach(async () => {
    kit = await testContext({ action: 'sbom' });
    await writeFile(join(kit.workspace, 'fetch-manifest.json'), JSON.stringify(manifest));
    await mkdir(join(kit.workspace, 'out'));
    await writeFile(join(kit.workspace, 'out', 'app.tgz'), 'bytes');
  });
  afterEach(() => kit.dispose());

  const start = async (texts: Record<string, string>) => {
    const all = { 'fetch-manifest': 'fetch-manifest.json', ...texts };
    return await run(await kit.inputs(definition, all), kit.context);
  };

  test('writes two documents about the bytes that it hashed itself', async () => {
    const outputs = await start({ 'subject-path': 'out', version: '1.3.0' });
    for (const key of ['cyclonedx-path', 'spdx-path'] as const) {
      const sbom = parseSbom(await readFile(outputs[key] ?? ''));
      expect(sbom).toMatchObject({ name: 'app', subjects: [sha256('bytes')] });
      expect(sbom.components.map(({ purl }) => purl)).toEqual(['pkg:npm/ms@2.1.2']);
    }
    expect(outputs['cyclonedx-path']).toBe(join(outputs['sboms-path'] ?? '', 'sbom-app-cyclonedx.json'));
    expect(kit.summary()).toContain('SBOM of app 1.3.0');
    expect((await kit.events()).map(({ event, kind }) => [event, kind])).toEqual([
      ['document-written', 'cyclonedx'],
      ['document-written', 'spdx'],
    ]);
  });

  test('gives the same bytes twice', async () => {
    const read = async () => {
      const outputs = await start({ 'subject-digest': sha256('image'), 'component-type': 'container' });
      return await Promise.all([readFile(outputs['cyclonedx-path'] ?? ''), readFile(outputs['spdx-path'] ?? '')]);
    };
    expect(await read()).toEqual(await read());
  });

  test.each<[string, Record<string, string>, string]>([
    ['no subject', {}, 'SUBJECT_MISSING'],
    ['a subject that is not there', { 'subject-path': 'nothing' }, 'SUBJECT_UNREADABLE'],
    [
      'a manifest that is not there',
      { 'fetch-manifest': 'no.json', 'subject-path': 'out' },
      'FETCH_MANIFEST_UNREADABLE',
    ],
    ['a folder as manifest', { 'fetch-manifest': 'out', 'subject-path': 'out' }, 'FETCH_MANIFEST_UNREADABLE'],
    ['another document as manifest', { 'fetch-manifest': 'out/app.tgz', 'subject-path': 'out' }, 'JSON_MALFORMED'],
    ['a time of another form', { 'subject-path': 'out', created: 'today' }, 'FETCH_MANIFEST_INVALID'],
  ])('refuses %s', async (_what, texts, code) => {
    await expect(start(texts)).rejects.toMatchObject({ code });
  });

  test('refuses a link among the subjects', async () => {
    await symlink(join(kit.workspace, 'fetch-manifest.json'), join(kit.workspace, 'out', 'link'));
    await expect(start({ 'subject-path': 'out' })).rejects.toMatchObject({ code: 'SUBJECT_UNREADABLE' });
  });

  test('refuses an empty folder', async () => {
    await mkdir(join(kit.workspace, 'empty'));
    await expect(start({ 'subject-path': 'empty' })).rejects.toMatchObject({ code: 'SUBJECT_UNREADABLE' });
  });
});
