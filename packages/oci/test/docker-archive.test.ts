import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { digestHex, sha256 } from '@paved/digest';
import { startRegistry } from '@paved/testkit';
import {
  openLayout,
  parseRegistryHost,
  parseRepositoryName,
  pushContent,
  RegistryClient,
  readBlob,
  readPlatform,
} from '../src/index.js';
import { type TarMember, tarOf } from './scratch.js';

const FIXTURES = join(
  dirname(fileURLToPath(import.meta.url)),
  '../../../../shared/fixtures/oci-layouts/docker-archive',
);

interface Parts {
  readonly layers: readonly Buffer[];
  readonly diffIds?: readonly string[];
  readonly configName?: string;
  readonly manifest?: unknown;
}

async function archive({ layers, diffIds, configName, manifest }: Parts): Promise<string> {
  const ids = diffIds ?? layers.map((layer) => sha256(layer));
  const config = JSON.stringify({ architecture: 'arm64', os: 'linux', rootfs: { type: 'layers', diff_ids: ids } });
  const name = configName ?? `${digestHex(sha256(config))}.json`;
  const names = layers.map((_, position) => `${position}/layer.tar`);
  const members = layers.map((layer, position): TarMember => [{ name: names[position] ?? '' }, layer]);
  const document = manifest !== undefined ? manifest : [{ Config: name, RepoTags: ['a:b'], Layers: names }];
  return await tarOf([[{ name }, config], ...members, [{ name: 'manifest.json' }, JSON.stringify(document)]]);
}

const ONE = Buffer.from('first layer');
const TWO = Buffer.from('second layer');

test('layers keep their bytes; equal archives give equal digests', async () => {
  const zipped = gzipSync(TWO);
  const path = await archive({ layers: [ONE, zipped], diffIds: [sha256(ONE), sha256(TWO)] });
  const layout = await openLayout(path);
  expect(JSON.parse(layout.root.bytes.toString())).toMatchObject({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.oci.image.config.v1+json' },
    layers: [
      { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: sha256(ONE), size: ONE.length },
      { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: sha256(zipped), size: zipped.length },
    ],
  });
  expect(await readPlatform(layout, layout.root)).toEqual({ os: 'linux', architecture: 'arm64' });
  const again = await archive({ layers: [ONE, zipped], diffIds: [sha256(ONE), sha256(TWO)] });
  expect((await openLayout(again)).root.digest).toBe(layout.root.digest);
});

describe('an archive that lies', () => {
  test.each<[string, Parts, string]>([
    ['another layer than its diff_id', { layers: [ONE], diffIds: [sha256(TWO)] }, 'LAYOUT_DIGEST_MISMATCH'],
    ['fewer diff_ids than layers', { layers: [ONE, TWO], diffIds: [sha256(ONE)] }, 'LAYOUT_INVALID'],
    [
      'a config under another digest',
      { layers: [ONE], configName: `${'0'.repeat(64)}.json` },
      'LAYOUT_DIGEST_MISMATCH',
    ],
    [
      'a missing config',
      { layers: [ONE], manifest: [{ Config: 'x.json', Layers: ['0/layer.tar'] }] },
      'LAYOUT_INVALID',
    ],
    [
      'a config that is itself',
      { layers: [ONE], manifest: [{ Config: 'manifest.json', Layers: [] }] },
      'LAYOUT_INVALID',
    ],
    ['a config outside', { layers: [ONE], manifest: [{ Config: '../../x', Layers: [] }] }, 'LAYOUT_INVALID'],
    ['a config that is none', { layers: [ONE], manifest: [{ Config: '0/layer.tar', Layers: [] }] }, 'LAYOUT_INVALID'],
    ['no image', { layers: [ONE], manifest: [] }, 'LAYOUT_INVALID'],
    ['null', { layers: [ONE], manifest: null }, 'LAYOUT_INVALID'],
    ['an empty layer', { layers: [Buffer.alloc(0)] }, 'LAYOUT_INVALID'],
  ])('%s', async (_name, parts, code) => {
    await expect(openLayout(await archive(parts))).rejects.toMatchObject({ code });
  });

  test('a layer that is another one is caught while it is sent, and never complete in the registry', async () => {
    const path = await archive({ layers: [ONE, TWO], diffIds: [sha256(ONE), sha256('other layer!')] });
    const layout = await openLayout(path, { blobs: 'when-read' });
    const registry = await startRegistry();
    const client = new RegistryClient({ registry: parseRegistryHost(registry.host) });
    try {
      const repository = client.repository(parseRepositoryName('octo/app'), 'push');
      await expect(pushContent({ repository, layout, referrers: [] })).rejects.toMatchObject({
        code: 'DIGEST_MISMATCH',
      });
      const stored = registry.store.repository('octo/app');
      expect([stored.manifests.size, stored.blobs.has(sha256(TWO))]).toEqual([0, false]);
    } finally {
      client.close();
      await registry.close();
    }
  });
});

describe('archives of other tools', () => {
  const run = existsSync(FIXTURES) ? test : test.skip;

  run('one image: config and layer have the digests of their bytes', async () => {
    const layout = await openLayout(join(FIXTURES, 'test_image_1.tar'));
    const [config, layer] = layout.blobs;
    expect(config?.descriptor.digest).toBe('sha256:6e0b05049ed9c17d02e1a55e80d6599dbfcce7f4f4b022e3c673e685789c470e');
    expect(layer?.descriptor.size).toBe(10_240);
    if (layer !== undefined) expect(sha256(await readBlob(layer, 20_000))).toBe(layer.descriptor.digest);
  });

  run('several images want a choice by digest, null is none', async () => {
    const path = join(FIXTURES, 'test_bundle.tar');
    await expect(openLayout(path)).rejects.toMatchObject({ code: 'LAYOUT_INVALID' });
    const { root } = await openLayout(join(FIXTURES, 'test_image_1.tar'));
    expect((await openLayout(path, { digest: root.digest })).root.bytes.equals(root.bytes)).toBe(true);
    await expect(openLayout(path, { digest: sha256('x') })).rejects.toMatchObject({ code: 'LAYOUT_INVALID' });
    await expect(openLayout(join(FIXTURES, 'null_manifest.tar'))).rejects.toMatchObject({ code: 'LAYOUT_INVALID' });
  });
});
