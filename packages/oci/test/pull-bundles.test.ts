import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from '@jest/globals';
import { parseDigest } from '@paved/digest';
import { type RegistryOptions, startRegistry } from '@paved/testkit';
import {
  attachReferrers,
  buildArtifactManifest,
  buildBundleReferrer,
  bytesSource,
  describeBytes,
  EMPTY_CONFIG,
  EMPTY_CONFIG_BYTES,
  manifestDescriptor,
  openLayout,
  parseRegistryHost,
  parseRepositoryName,
  pullBundles,
  pushContent,
  type Referrer,
  RegistryClient,
  SIGSTORE_BUNDLE,
} from '../src/index.js';
import { layoutOf } from './scratch.js';

const closing: (() => unknown)[] = [];

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

async function start(options: RegistryOptions = {}) {
  const registry = await startRegistry(options);
  const retry = { attempts: 3, baseDelayMs: 1, maxDelayMs: 5 };
  const client = new RegistryClient({ registry: parseRegistryHost(registry.host), retry });
  closing.push(registry.close, () => client.close());
  return { registry, repository: client.repository(parseRepositoryName('octo/app'), 'push') };
}

describe.each<[string, RegistryOptions]>([
  ['referrers API', {}],
  ['fallback tag', { referrers: false }],
])('%s', (_name, options) => {
  test('good bundles come back byte for byte, and what only claims to be one is set aside', async () => {
    const { registry, repository } = await start(options);
    const layout = await layoutOf({ a: 'one' });
    await pushContent({ repository, layout, referrers: [] });
    const subject = manifestDescriptor(layout.root);
    const bundle = Buffer.from(JSON.stringify({ mediaType: SIGSTORE_BUNDLE, dsseEnvelope: {} }));
    const good = buildBundleReferrer({ bundle, subject, created: '2026-01-02T03:04:05Z' });
    const broken = buildBundleReferrer({ bundle, subject, created: '2026-01-02T03:04:06Z' });
    const text = Buffer.from('x');
    const layer = describeBytes('text/plain', text);
    const manifest = buildArtifactManifest({ artifactType: SIGSTORE_BUNDLE, layers: [layer], subject });
    const blobs = [bytesSource(layer, text), bytesSource(EMPTY_CONFIG, EMPTY_CONFIG_BYTES)];
    const other: Referrer = { manifest, subject, blobs };
    await attachReferrers(repository, [good, broken, other]);
    const stored = registry.store.repository('octo/app').manifests;
    const entry = stored.get(broken.manifest.digest);
    if (entry !== undefined) stored.set(broken.manifest.digest, { ...entry, bytes: Buffer.from(`${entry.bytes} `) });

    const { bundles, rejected } = await pullBundles(repository, layout.root.digest);
    expect(bundles).toEqual([{ referrer: good.manifest.digest, bytes: bundle }]);
    const set = rejected.map(({ referrer }) => referrer).sort();
    expect(set).toEqual([broken.manifest.digest, manifest.digest].sort());
    await expect(pullBundles(repository, layout.root.digest, { maxReferrers: 2 })).rejects.toMatchObject({
      code: 'REGISTRY_REFUSED',
    });
    expect((await pullBundles(repository, layout.root.digest, { maxBytes: 5 })).bundles).toEqual([]);
  });

  test('nothing attached is an empty list', async () => {
    const { repository } = await start(options);
    const layout = await layoutOf({ a: 'one' });
    await pushContent({ repository, layout, referrers: [] });
    expect(await pullBundles(repository, layout.root.digest)).toEqual({ bundles: [], rejected: [] });
  });
});

const FIXTURES = join(dirname(fileURLToPath(import.meta.url)), '../../../../shared/fixtures/oci-layouts');
const run = existsSync(join(FIXTURES, 'expected.json')) ? test : test.skip;

run('every image and index of the regclient repository is pushed, children before their index', async () => {
  const { registry, repository } = await start();
  const expected = JSON.parse(await readFile(join(FIXTURES, 'expected.json'), 'utf8')) as {
    layouts: Record<string, { manifests: { digest: string }[] }>;
  };
  for (const { digest } of expected.layouts['regclient-testrepo']?.manifests ?? []) {
    const layout = await openLayout(join(FIXTURES, 'regclient-testrepo'), { digest: parseDigest(digest) });
    await pushContent({ repository, layout, referrers: [] });
    expect(registry.store.repository('octo/app').manifests.has(digest)).toBe(true);
  }
});
