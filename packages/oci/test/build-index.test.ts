import { Readable } from 'node:stream';
import { expect, test } from '@jest/globals';
import { sha256 } from '@paved/digest';
import { buildIndex, type Content, openLayout } from '../src/index.js';
import { layoutOf, tarOf } from './scratch.js';

interface Config {
  readonly os?: string;
  readonly architecture?: string;
  readonly variant?: string;
}

/** An image with one layer, from an archive of docker save. */
async function imageFor(config: Config, layer = 'shared layer'): Promise<Content> {
  const document = JSON.stringify({ ...config, rootfs: { diff_ids: [sha256(layer)] } });
  const manifest = JSON.stringify([{ Config: 'config.json', Layers: ['layer.tar'] }]);
  const path = await tarOf([
    [{ name: 'config.json' }, document],
    [{ name: 'layer.tar' }, layer],
    [{ name: 'manifest.json' }, manifest],
  ]);
  return await openLayout(path);
}

const AMD = { os: 'linux', architecture: 'amd64' };
const ARM = { os: 'linux', architecture: 'arm', variant: 'v7' };

test('platforms come from the configs, in the order of the layouts, and a shared layer is there once', async () => {
  const parts = [await imageFor(AMD), await imageFor(ARM)];
  const index = await buildIndex(parts, { annotations: { a: 'b' } });
  expect(JSON.parse(index.root.bytes.toString())).toEqual({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: parts.map(({ root }, position) => ({
      mediaType: root.mediaType,
      digest: root.digest,
      size: root.bytes.length,
      platform: position === 0 ? AMD : ARM,
    })),
    annotations: { a: 'b' },
  });
  expect(index.manifests.map(({ digest }) => digest)).toEqual([
    ...parts.map(({ root }) => root.digest),
    index.root.digest,
  ]);
  expect(index.blobs).toHaveLength(3);
  expect((await buildIndex(parts, { annotations: { a: 'b' } })).root.digest).toBe(index.root.digest);
  expect((await buildIndex([...parts].reverse())).root.digest).not.toBe(index.root.digest);
});

test('an index gives its images, and its attestation manifests stay', async () => {
  const inner = await buildIndex([await imageFor(AMD), await imageFor({ os: 'unknown', architecture: 'unknown' })]);
  const index = await buildIndex([inner, await imageFor(ARM)]);
  expect(index.root.kind === 'index' && index.root.manifests).toHaveLength(3);
  expect(index.manifests).toHaveLength(4);
});

test.each<[string, () => Promise<readonly Content[]>]>([
  ['one platform twice', async () => [await imageFor(AMD), await imageFor(AMD, 'another layer')]],
  ['an artifact that is no image', async () => [await imageFor(AMD), await layoutOf({ a: 'one' })]],
  ['no architecture', async () => [await imageFor({ os: 'linux' })]],
  ['an architecture that is no name', async () => [await imageFor({ os: 'linux', architecture: '../x' })]],
  ['nothing that runs', async () => [await imageFor({ os: 'unknown', architecture: 'unknown' })]],
  ['nothing', async () => []],
])('%s is refused', async (_name, parts) => {
  await expect(buildIndex(await parts())).rejects.toMatchObject({ code: 'LAYOUT_INVALID' });
});

test('a config that was changed after the layout was opened is refused', async () => {
  const image = await imageFor(AMD);
  const [config] = image.blobs;
  if (config === undefined) throw new Error('the config is there');
  const changed = { ...config, open: () => Readable.from([Buffer.alloc(config.descriptor.size, 'x')]) };
  await expect(buildIndex([{ ...image, blobs: [changed] }])).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
});
