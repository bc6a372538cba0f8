import { afterEach, describe, expect, test } from '@jest/globals';
import { type Changes, MANIFEST, type Outcome, scenario } from './scenario.js';
import { buildTypeSchema, statementOf } from './stated.js';

const BEFORE = `sha256:${'1'.repeat(64)}`;
const AFTER = `sha256:${'2'.repeat(64)}`;
const ASSET = `sha256:${'3'.repeat(64)}`;
const PROGRAM = `sha256:${'4'.repeat(64)}`;
const COMMON = { size: 1, direct: true, dependencies: [], locations: [] };
const BASE = {
  ...COMMON,
  ...{ purl: `pkg:oci/debian@${AFTER}?repository_url=docker.io/library/debian`, name: 'debian', version: AFTER },
  ...{ ecosystem: 'purl:oci', digests: { sha256: '2'.repeat(64) }, lockDigest: BEFORE, scope: 'runtime' },
};
const COPA = {
  ...COMMON,
  ...{ purl: 'pkg:golang/github.com/project-copacetic/copacetic@v0.14.2' },
  ...{ name: 'github.com/project-copacetic/copacetic', version: 'v0.14.2', ecosystem: 'Go' },
  ...{ digests: { sha256: '4'.repeat(64) }, lockDigest: ASSET, scope: 'development' },
};
const manifest = { packages: [...MANIFEST.packages, BASE, COPA] };
const IMAGE = {
  ...{ image: 'docker.io/library/debian', platform: 'linux/amd64', before: BEFORE, after: AFTER },
  packages: [
    { name: 'libssl3:amd64', before: '3.0.1-1', after: '3.0.2-1' },
    { name: 'new:all', after: '1' },
  ],
};
const patches = {
  mediaType: 'application/vnd.paved.image-patches.v1+json',
  tool: { name: 'copa', version: '0.14.2', asset: ASSET, sha256: PROGRAM },
  ...{ mirrors: ['mirror.example'], reached: ['mirror.example:80'], images: [IMAGE] },
  downloads: [{ url: 'http://mirror.example/libssl3.deb', size: 1, sha256: PROGRAM }],
};

const open: Outcome[] = [];
afterEach(async () => {
  for (const outcome of open.splice(0)) await outcome.dispose();
});

async function start(changes: Changes): Promise<Outcome> {
  const outcome = await scenario(changes);
  open.push(outcome);
  return outcome;
}

async function predicateOf(changes: Changes) {
  return JSON.parse(JSON.stringify((await statementOf(await start(changes))).predicate));
}

describe('a patched base', () => {
  test('stands in the provenance with every package, the mirrors, the tool, and both digests', async () => {
    const { buildDefinition, runDetails } = await predicateOf({ manifest, patches });
    const { mediaType: _, downloads: _downloads, ...stated } = patches;
    expect(buildDefinition.internalParameters.patches).toEqual([{ voucher: 'build', ...stated }]);
    expect(buildDefinition.internalParameters.vouchers['/buildDefinition/internalParameters/patches']).toBe('build');
    const image = buildDefinition.resolvedDependencies.find(({ uri = '' }) => uri.startsWith('pkg:oci/'));
    expect(image).toMatchObject({ digest: { sha256: '2'.repeat(64) }, annotations: { lockDigest: BEFORE } });
    expect(JSON.stringify(buildDefinition.resolvedDependencies)).toContain('pkg:golang/github.com/project-copacetic');
    expect(runDetails.byproducts.map(({ name }: { readonly name: string }) => name)).toContain('image-patches');
    const validate = await buildTypeSchema();
    expect([validate({ buildDefinition, runDetails }), validate.errors]).toEqual([true, null]);
  });

  test('stands there for each machine', async () => {
    const none = { mediaType: patches.mediaType, mirrors: ['mirror.example'], reached: [], downloads: [], images: [] };
    const legs = { 'linux-amd64': { manifest, patches }, 'linux-arm64': { patches: none } };
    const { buildDefinition, runDetails } = await predicateOf({
      ...{ legs, inputs: { platforms: 'linux/amd64\nlinux/arm64' } },
    });
    expect(buildDefinition.internalParameters.patches).toHaveLength(2);
    const names = runDetails.byproducts.map(({ name }: { readonly name: string }) => name);
    expect(names).toEqual(expect.arrayContaining(['linux-amd64/image-patches', 'linux-arm64/image-patches']));
  });

  test('without a record of patches nothing is said of them', async () => {
    const { buildDefinition } = await predicateOf({});
    expect(buildDefinition.internalParameters.patches).toBeUndefined();
    expect(JSON.stringify(buildDefinition)).not.toContain('/patches');
  });

  test.each<readonly [string, string, Changes]>([
    ['the patched image is not in the fetch manifest', 'RECORD_MISSING', { patches }],
    [
      'the fetch manifest has it under the digest of another image',
      'RECORD_MISSING',
      { patches, manifest: { packages: [{ ...BASE, lockDigest: AFTER }, COPA] } },
    ],
    ['the tool is not in the fetch manifest', 'RECORD_MISSING', { patches, manifest: { packages: [BASE] } }],
    [
      'the tool is another one in the fetch manifest',
      'RECORD_MISSING',
      { patches, manifest: { packages: [BASE, { ...COPA, lockDigest: PROGRAM }] } },
    ],
    [
      'an image is another one with the same packages',
      'DOCUMENT_MALFORMED',
      { manifest, patches: { ...patches, images: [{ ...IMAGE, packages: [] }] } },
    ],
    [
      'an image is the same one with other packages',
      'DOCUMENT_MALFORMED',
      { manifest, patches: { ...patches, images: [{ ...IMAGE, after: BEFORE }] } },
    ],
    ['no tool is named', 'DOCUMENT_MALFORMED', { manifest, patches: { ...patches, tool: undefined } }],
    [
      'a digest is none',
      'DOCUMENT_MALFORMED',
      { manifest, patches: { ...patches, images: [{ ...IMAGE, after: 'x' }] } },
    ],
    ['a list is a text', 'DOCUMENT_MALFORMED', { manifest, patches: { ...patches, reached: 'all' } }],
  ])('is refused when %s', async (_name, code, changes) => {
    const { error } = await start(changes);
    expect(error).toMatchObject({ code, hint: expect.any(String) });
  });
});
