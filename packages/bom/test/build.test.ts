import { describe, expect, test } from '@jest/globals';
import {
  bomOfFetchManifest,
  type FetchManifest,
  mergeBoms,
  parseSbom,
  readBom,
  type SbomContext,
  writeCycloneDx,
  writeSpdx,
} from '@paved/bom';
import { sha256 } from '@paved/digest';
import { sampleManifest } from './manifest-sample.js';

const context: SbomContext = {
  subjects: [{ name: 'app-1.2.3.tgz', digest: sha256('app') }],
  componentType: 'application',
  created: '2025-09-01T10:00:00Z',
  tool: { name: 'paved-sbom', version: '1.0.0' },
  supplier: { name: 'Octo', url: 'https://github.com/octo' },
};

const bomOf = (manifest: FetchManifest) => mergeBoms([bomOfFetchManifest(manifest)]);
const buildCycloneDx = (manifest: FetchManifest, of: SbomContext) => writeCycloneDx(bomOf(manifest), of);
const buildSpdx = (manifest: FetchManifest, of: SbomContext) => writeSpdx(bomOf(manifest), of);

const builders = [
  ['cyclonedx', '1.6', buildCycloneDx],
  ['spdx', '2.3', buildSpdx],
] as const;

describe.each(builders)('%s %s', (kind, version, build) => {
  const read = (text: string) => parseSbom(Buffer.from(text));

  test('carries every package of the manifest, and the digest of what it describes', () => {
    const sbom = read(build(sampleManifest(), context));
    expect(sbom).toMatchObject({ kind, version, name: 'app', subjects: [sha256('app')] });
    expect(sbom.components).toEqual([
      {
        purl: 'pkg:golang/github.com/burntsushi/toml@v1.3.2',
        name: 'github.com/BurntSushi/toml',
        version: 'v1.3.2',
        licences: [],
        scope: 'runtime',
        direct: true,
      },
      {
        purl: 'pkg:npm/%40types/node@24.0.0',
        name: '@types/node',
        version: '24.0.0',
        licences: ['(MIT OR Apache-2.0)'],
        scope: 'development',
        direct: true,
      },
      {
        purl: 'pkg:npm/debug@4.3.4',
        name: 'debug',
        version: '4.3.4',
        licences: ['MIT'],
        scope: 'runtime',
        direct: true,
      },
      {
        purl: 'pkg:npm/ms@2.1.2',
        name: 'ms',
        version: '2.1.2',
        licences: ['SEE LICENSE IN LICENSE.md'],
        scope: 'runtime',
        direct: false,
      },
    ]);
  });

  test('gives the same bytes whatever the order of the manifest', () => {
    const reversed: FetchManifest = { ...sampleManifest(), packages: [...sampleManifest().packages].reverse() };
    expect(build(reversed, context)).toBe(build(sampleManifest(), context));
  });

  test.each<[string, FetchManifest, SbomContext]>([
    ['the subject', sampleManifest(), { ...context, subjects: [{ name: 'app-1.2.3.tgz', digest: sha256('apq') }] }],
    ['the time', sampleManifest(), { ...context, created: '2025-09-01T10:00:01Z' }],
    ['a package', sampleManifest({ packages: sampleManifest().packages.slice(1) }), context],
    ['the tool', sampleManifest(), { ...context, tool: { name: 'paved-sbom', version: '1.0.1' } }],
  ])('changes its identity with %s', (_what, manifest, other) => {
    const identity = (text: string) => {
      const { serialNumber, documentNamespace } = JSON.parse(text) as Record<string, string>;
      return serialNumber ?? documentNamespace;
    };
    expect(identity(build(manifest, other))).not.toBe(identity(build(sampleManifest(), context)));
  });

  test('names several subjects as files of the main component', () => {
    const subjects = ['b.tgz', 'a.tgz'].map((name) => ({ name, digest: sha256(name) }));
    const sbom = read(build(sampleManifest(), { ...context, subjects }));
    expect([...sbom.subjects].sort()).toEqual([sha256('a.tgz'), sha256('b.tgz')].sort());
    expect(sbom.components).toHaveLength(4);
  });

  test('refuses a time that is not RFC 3339', () => {
    expect(() => build(sampleManifest(), { ...context, created: 'yesterday' })).toThrow(
      expect.objectContaining({ code: 'FETCH_MANIFEST_INVALID' }),
    );
  });

  test('describes a project without dependencies', () => {
    expect(read(build(sampleManifest({ packages: [] }), context)).components).toEqual([]);
  });
});

test('CycloneDX tells whether the graph of dependencies is complete', () => {
  const aggregate = (manifest: FetchManifest) =>
    (JSON.parse(buildCycloneDx(manifest, context)) as { compositions: { aggregate: string }[] }).compositions[0]
      ?.aggregate;
  expect(aggregate(sampleManifest())).toBe('complete');
  const packages = sampleManifest().packages.map((entry) => ({ ...entry, dependencies: [] }));
  expect(aggregate(sampleManifest({ packages }))).toBe('incomplete');
});

test('CycloneDX is what a reader expects of a build', () => {
  expect(buildCycloneDx(sampleManifest(), context)).toMatchSnapshot();
});

test('SPDX is what a reader expects of a build', () => {
  expect(buildSpdx(sampleManifest(), context)).toMatchSnapshot();
});

test('commit, lock files and their digests are carried, and read back', () => {
  const [first, ...rest] = sampleManifest().packages;
  const manifest = sampleManifest({
    packages: [{ ...(first as never as object), lockDigest: 'sha512-abc' } as never, ...rest],
  });
  const bom = bomOf(manifest);
  expect(bom).toMatchObject({
    source: { repository: 'https://github.com/octo/app', commit: '1'.repeat(40) },
    lockfiles: [{ path: 'package-lock.json', sha256: 'c'.repeat(64) }],
  });
  const back = readBom(Buffer.from(writeCycloneDx(bom, context)));
  expect(back.source).toEqual(bom.source);
  expect(back.lockfiles).toEqual(bom.lockfiles);
  expect(back.components.filter(({ lockDigest }) => lockDigest === 'sha512-abc')).toHaveLength(1);
  const { packages } = JSON.parse(writeSpdx(bom, context)) as { packages: { sourceInfo?: string }[] };
  expect(packages[0]?.sourceInfo).toBe(
    `built from https://github.com/octo/app at commit ${'1'.repeat(40)}; package-lock.json sha256:${'c'.repeat(64)}`,
  );
});

test('parts of two commits are of no commit, and two digests of one package are none', () => {
  const other = sampleManifest({
    source: { repository: 'https://github.com/octo/app', sha: '2'.repeat(40), path: '' },
  });
  expect(mergeBoms([bomOfFetchManifest(sampleManifest()), bomOfFetchManifest(other)]).source).toBeUndefined();
});
