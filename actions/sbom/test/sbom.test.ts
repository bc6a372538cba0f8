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
      ['scored', undefined],
    ]);
  });

  test('of several machines names what any of them fetched, and the latest time', async () => {
    const [own] = manifest.packages;
    const other = { ...own, purl: purlOf('npm', 'rimraf', '5.0.0'), name: 'rimraf', version: '5.0.0' };
    for (const [leg, document] of Object.entries({
      'linux-amd64': manifest,
      'linux-arm64': { ...manifest, packages: [own, other], fetchedAt: '2025-09-01T10:05:00.000Z' },
    })) {
      await mkdir(join(kit.workspace, 'legs', leg), { recursive: true });
      await writeFile(join(kit.workspace, 'legs', leg, 'fetch-manifest.json'), JSON.stringify(document));
    }
    const outputs = await start({ 'fetch-manifest': 'legs/*/fetch-manifest.json', 'subject-path': 'out' });
    const text = await readFile(outputs['cyclonedx-path'] ?? '', 'utf8');
    const purls = parseSbom(Buffer.from(text)).components.map(({ purl }) => purl);
    expect(purls).toEqual(['pkg:npm/ms@2.1.2', 'pkg:npm/rimraf@5.0.0']);
    expect(text).toContain('2025-09-01T10:05:00');
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

  const syft = (digest: string) =>
    JSON.stringify({
      artifacts: [
        { id: 'a', name: 'musl', version: '1.2.3', type: 'apk', purl: 'pkg:apk/alpine/musl@1.2.3', licenses: ['MIT'] },
      ],
      artifactRelationships: [],
      source: { id: 's', name: 'app', type: 'image', metadata: { manifestDigest: digest } },
      descriptor: { name: 'syft', version: '1.52.0' },
    });
  const image = `sha256:${'e'.repeat(64)}`;

  describe('from several sources', () => {
    beforeEach(async () => {
      await writeFile(join(kit.workspace, 'syft.json'), syft(image));
      await writeFile(
        join(kit.workspace, 'Cargo.lock'),
        '[[package]]\nname = "libc"\nversion = "0.2.1"\nsource = "registry+x"\n',
      );
      await writeFile(join(kit.workspace, 'requirements.txt'), 'a==1.0\nb>=2\n');
    });
    const several = {
      documents: 'syft.json',
      lockfiles: 'Cargo.lock\nrequirements.txt',
      'subject-digest': image,
      'component-type': 'container',
      platform: 'linux/arm64',
      'snapshot-manifest': './Cargo.lock',
    };

    test('merges them into both formats, and says what has no version', async () => {
      const outputs = await start(several);
      const purls = ['pkg:apk/alpine/musl@1.2.3', 'pkg:cargo/libc@0.2.1', 'pkg:npm/ms@2.1.2', 'pkg:pypi/a@1.0'];
      for (const key of ['cyclonedx-path', 'spdx-path'] as const) {
        const sbom = parseSbom(await readFile(outputs[key] ?? ''));
        expect(sbom.subjects).toEqual([image]);
        expect(sbom.components.map(({ purl }) => purl)).toEqual(purls);
      }
      expect(outputs['cyclonedx-path']).toContain('sbom-app-linux-arm64-cyclonedx.json');
      expect(outputs.grade).toMatch(/^[A-F]$/);
      expect(kit.lines.join('\n')).toContain('1 entries of lock files fix no version');
      const snapshot = JSON.parse(await readFile(outputs['snapshot-path'] ?? '', 'utf8')) as { manifests: object };
      expect(Object.keys(snapshot.manifests)).toEqual(['Cargo.lock']);
      expect(outputs['whole-path']).toBeUndefined();
    });

    test.each(['1.5', '1.7'])('writes CycloneDX %s when asked', async (version) => {
      for (const texts of [
        { 'cyclonedx-version': version, 'subject-path': 'out' },
        { ...several, 'cyclonedx-version': version },
      ]) {
        const outputs = await start(texts);
        expect(JSON.parse(await readFile(outputs['cyclonedx-path'] ?? '', 'utf8'))).toMatchObject({
          specVersion: version,
        });
      }
    });

    test('works without a fetch manifest, when a time is given', async () => {
      const texts = { 'fetch-manifest': '', documents: 'syft.json', 'subject-digest': image };
      await expect(start(texts)).rejects.toMatchObject({ code: 'CREATED_MISSING' });
      const outputs = await start({ ...texts, created: '2025-09-01T10:00:00Z' });
      expect(parseSbom(await readFile(outputs['spdx-path'] ?? '')).components).toHaveLength(1);
    });

    test.each<[string, Record<string, string>, string]>([
      ['no source', { 'fetch-manifest': '', 'subject-path': 'out' }, 'SOURCE_MISSING'],
      [
        'a scan of another image',
        { documents: 'syft.json', 'subject-digest': `sha256:${'d'.repeat(64)}` },
        'SUBJECT_MISMATCH',
      ],
      ['a lock file of no known kind', { lockfiles: 'syft.json', 'subject-path': 'out' }, 'SOURCE_UNREADABLE'],
      ['a document of no known format', { documents: 'out/app.tgz', 'subject-path': 'out' }, 'SBOM_MALFORMED'],
      ['a manifest outside', { ...several, 'snapshot-manifest': 'a/../../Cargo.lock' }, 'MANIFEST_PATH_INVALID'],
      ['a manifest of the machine', { ...several, 'snapshot-manifest': '/etc/Cargo.lock' }, 'MANIFEST_PATH_INVALID'],
      ['a grade below the minimum', { ...several, 'minimum-grade': 'A' }, 'SBOM_GRADE_LOW'],
    ])('refuses %s', async (_what, texts, code) => {
      await expect(start(texts)).rejects.toMatchObject({ code });
    });
  });
});
