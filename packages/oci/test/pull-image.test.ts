import { afterEach, describe, expect, test } from '@jest/globals';
import { sha256 } from '@paved/digest';
import { type Fault, type RegistryDouble, type RegistryOptions, startRegistry } from '@paved/testkit';
import {
  attachReferrers,
  buildArtifactManifest,
  buildIndex,
  bytesSource,
  type Content,
  EMPTY_CONFIG,
  EMPTY_CONFIG_BYTES,
  fallbackTag,
  type Manifest,
  manifestDescriptor,
  OCI_INDEX,
  OCI_MANIFEST,
  openLayout,
  parseRegistryHost,
  parseRepositoryName,
  pullImage,
  pushContent,
  type Referrer,
  RegistryClient,
  type RepositoryClient,
} from '../src/index.js';
import { tarOf } from './scratch.js';

const NAME = parseRepositoryName('octo/app');
const closing: (() => unknown)[] = [];

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

async function start(options: RegistryOptions = {}): Promise<RegistryDouble> {
  const registry = await startRegistry(options);
  closing.push(registry.close);
  return registry;
}

function repositoryOf(registry: RegistryDouble, attempts = 4): RepositoryClient {
  const client = new RegistryClient({
    registry: parseRegistryHost(registry.host),
    retry: { attempts, baseDelayMs: 1, maxDelayMs: 5 },
    credentials: { kind: 'basic', ...registry.credentials },
  });
  closing.push(() => client.close());
  return client.repository(NAME, 'push');
}

async function imageFor(architecture: string): Promise<Content> {
  const layer = `layer for ${architecture}`;
  const config = JSON.stringify({ os: 'linux', architecture, rootfs: { diff_ids: [sha256(layer)] } });
  const manifest = JSON.stringify([{ Config: 'c', Layers: ['l'] }]);
  return await openLayout(
    await tarOf([
      [{ name: 'c' }, config],
      [{ name: 'l' }, layer],
      [{ name: 'manifest.json' }, manifest],
    ]),
  );
}

function referrerOf(subject: Manifest, artifactType: string): Referrer {
  const manifest = buildArtifactManifest({
    artifactType,
    layers: [EMPTY_CONFIG],
    subject: manifestDescriptor(subject),
  });
  return { manifest, subject: manifestDescriptor(subject), blobs: [bytesSource(EMPTY_CONFIG, EMPTY_CONFIG_BYTES)] };
}

/** An index of two platforms, with a referrer on the index, one on a child, and one on a referrer. */
async function released(options: RegistryOptions = {}) {
  const registry = await start(options);
  const repository = repositoryOf(registry);
  const layout = await buildIndex([await imageFor('amd64'), await imageFor('arm64')]);
  const onIndex = referrerOf(layout.root, 'application/vnd.test.sbom');
  const onChild = referrerOf(layout.manifests[0] ?? layout.root, 'application/vnd.test.sbom');
  const nested = referrerOf(onIndex.manifest, 'application/vnd.test.signature');
  await pushContent({ repository, layout, referrers: [onIndex, onChild] });
  await attachReferrers(repository, [nested]);
  return { registry, repository, layout, referrers: [onIndex, onChild, nested] };
}

async function copy(from: RepositoryClient, to: RepositoryClient, content: Content): Promise<void> {
  const image = await pullImage(from, content.root.digest);
  await pushContent({ repository: to, layout: image, referrers: image.referrers, concurrency: 1 });
  for (const level of image.nested) await attachReferrers(to, level);
}

describe.each<[string, RegistryOptions]>([
  ['referrers API', {}],
  ['fallback tag', { referrers: false }],
  ['subject first', { acceptMissingSubject: false }],
  ['bearer', { auth: 'bearer' }],
])('to a registry with %s', (_name, options) => {
  test('a copy has the same digests and the same referrers, on every level', async () => {
    const source = await released();
    const target = await start(options);
    await copy(source.repository, repositoryOf(target), source.layout);
    const [one, other] = [source.registry.store.repository(NAME), target.store.repository(NAME)];
    for (const [digest, { bytes }] of one.manifests)
      expect(other.manifests.get(digest)?.bytes.equals(bytes)).toBe(true);
    expect([...other.blobs.keys()].sort()).toEqual([...one.blobs.keys()].sort());
    const again = await pullImage(repositoryOf(target), source.layout.root.digest);
    expect(again.referrers).toHaveLength(2);
    expect(again.nested.flat().map(({ manifest }) => manifest.digest)).toEqual([source.referrers[2]?.manifest.digest]);
    expect(other.tags.has('1.0.0')).toBe(false);
  });
});

test('from a registry without the referrers API', async () => {
  const source = await released({ referrers: false });
  const image = await pullImage(source.repository, source.layout.root.digest);
  expect([image.referrers.length, image.nested.flat().length]).toEqual([2, 1]);
});

describe('a source that lies', () => {
  test.each<[string, (source: Awaited<ReturnType<typeof released>>) => void, string]>([
    ['lacks a layer', ({ registry, layout }) => void drop(registry, layout), 'LAYOUT_INVALID'],
    [
      'lacks a child',
      ({ registry, layout }) =>
        void registry.store.repository(NAME).manifests.delete(layout.manifests[0]?.digest ?? ''),
      'REGISTRY_REFUSED',
    ],
    [
      'lacks the image',
      ({ registry, layout }) => void registry.store.repository(NAME).manifests.delete(layout.root.digest),
      'REGISTRY_REFUSED',
    ],
  ])('%s: nothing is sent on', async (_name, spoil, code) => {
    const source = await released();
    spoil(source);
    await expect(pullImage(source.repository, source.layout.root.digest)).rejects.toMatchObject({ code });
  });

  function drop(registry: RegistryDouble, layout: Content): void {
    const [, layer] = layout.blobs;
    registry.store.repository(NAME).blobs.delete(layer?.descriptor.digest ?? '');
  }

  test('changes a layer: the target never gets it whole', async () => {
    const source = await released();
    const [, layer] = source.layout.blobs;
    const digest = layer?.descriptor.digest ?? '';
    const blobs = source.registry.store.repository(NAME).blobs;
    blobs.set(digest, Buffer.alloc(blobs.get(digest)?.length ?? 0, 'x'));
    const target = await start();
    await expect(copy(source.repository, repositoryOf(target), source.layout)).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
    expect([target.store.repository(NAME).manifests.size, target.store.repository(NAME).blobs.has(digest)]).toEqual([
      0,
      false,
    ]);
  });

  test('lists something else as a referrer', async () => {
    const other = await imageFor('s390x');
    const source = await released({ referrers: false });
    await pushContent({ repository: source.repository, layout: other, referrers: [] });
    const stored = source.registry.store.repository(NAME);
    const tag = fallbackTag(source.layout.root.digest);
    const entry = stored.find(tag);
    if (entry === undefined) throw new Error('the fallback tag is there');
    const list = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [manifestDescriptor(other.root)] };
    const bytes = Buffer.from(JSON.stringify(list));
    stored.manifests.set(sha256(bytes), { ...entry, digest: sha256(bytes), bytes });
    stored.tags.set(tag, sha256(bytes));
    const pulling = pullImage(source.repository, source.layout.root.digest);
    await expect(pulling).rejects.toMatchObject({ code: 'MANIFEST_INVALID' });
  });
});

describe('a source without measure', () => {
  const json = 'application/vnd.oci.image.index.v1+json';
  const descriptorOf = (text: string, mediaType = OCI_MANIFEST) => ({
    mediaType,
    digest: sha256(text),
    size: Buffer.byteLength(text),
  });
  const plant = (registry: RegistryDouble, text: string, mediaType = OCI_MANIFEST) => {
    const stored = registry.store.repository(NAME);
    const digest = sha256(text);
    const subject = undefined;
    const entry = { mediaType, subject, artifactType: undefined, annotations: undefined };
    stored.manifests.set(digest, { digest, bytes: Buffer.from(text), ...entry });
    return descriptorOf(text, mediaType);
  };
  const config = { mediaType: 'application/vnd.oci.empty.v1+json', digest: sha256('{}'), size: 2 };

  test('indexes in indexes end at the fifth', async () => {
    const registry = await start();
    let child = plant(registry, JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [] }));
    registry.store.repository(NAME).blobs.set(config.digest, Buffer.from('{}'));
    const roots = Array.from({ length: 6 }, () => {
      child = plant(
        registry,
        JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [child] }),
        OCI_INDEX,
      );
      return child.digest;
    });
    await pullImage(repositoryOf(registry), roots[3] ?? config.digest);
    const pulling = pullImage(repositoryOf(registry), roots[5] ?? config.digest);
    await expect(pulling).rejects.toMatchObject({ code: 'LAYOUT_INVALID' });
  });

  test('manifests that fill the memory end at 64 MiB', async () => {
    const registry = await start();
    const fill = 'x'.repeat(3_900_000);
    const children = Array.from({ length: 20 }, (_, position) =>
      plant(
        registry,
        JSON.stringify({
          schemaVersion: 2,
          mediaType: OCI_MANIFEST,
          config,
          layers: [],
          annotations: { fill, position: `${position}` },
        }),
      ),
    );
    registry.store.repository(NAME).blobs.set(config.digest, Buffer.from('{}'));
    const root = plant(
      registry,
      JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: children }),
      OCI_INDEX,
    );
    const pulling = pullImage(repositoryOf(registry), root.digest);
    await expect(pulling).rejects.toMatchObject({ code: 'LAYOUT_INVALID' });
    expect(registry.requests.filter(({ path }) => path.includes('/manifests/')).length).toBeLessThan(20);
  });

  const page = (count: number, from = 0) =>
    JSON.stringify({
      schemaVersion: 2,
      mediaType: json,
      manifests: Array.from({ length: count }, (_, index) => descriptorOf(`referrer ${from + index}`)),
    });

  test.each<[string, (index: number) => Fault]>([
    [
      'pages without end',
      (index) => ({
        kind: 'reply',
        reply: {
          status: 200,
          headers: { 'content-type': json, link: `<?page=${index}>; rel="next"` },
          body: page(1, index),
        },
      }),
    ],
    [
      'more entries than memory',
      (index) => ({
        kind: 'reply',
        reply: {
          status: 200,
          headers: { 'content-type': json, link: `<?page=${index}>; rel="next"` },
          body: page(20_000, index),
        },
      }),
    ],
    [
      'a list that ends in the middle',
      (index) =>
        index === 0
          ? {
              kind: 'reply',
              reply: { status: 200, headers: { 'content-type': json, link: '<?page=1>; rel="next"' }, body: page(1) },
            }
          : { kind: 'status', status: 404 },
    ],
  ])('%s: refused', async (name, answer) => {
    let asked = 0;
    let armed = false;
    const source = await released({
      onRequest: ({ path }) => (armed && path.includes('/referrers/') ? answer(asked++) : undefined),
    });
    armed = true;
    const pulling = pullImage(source.repository, source.layout.root.digest);
    await expect(pulling).rejects.toMatchObject({ code: 'REGISTRY_REFUSED' });
    armed = false;
    expect([name, asked < 60]).toEqual([name, true]);
  });

  test('a referrer of more layers than anything has is not asked for each of them', async () => {
    const source = await released();
    const subject = manifestDescriptor(source.layout.root);
    const layers = Array.from({ length: 1500 }, (_, index) => ({ ...descriptorOf(`${index}`), mediaType: 'a/b' }));
    const text = JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config,
      layers,
      subject,
      artifactType: 'a/b',
    });
    plant(source.registry, text);
    const stored = source.registry.store.repository(NAME);
    const planted = stored.find(sha256(text));
    if (planted === undefined) throw new Error('it was planted');
    stored.manifests.set(planted.digest, { ...planted, subject: subject.digest });
    const before = source.registry.requests.length;
    const pulling = pullImage(source.repository, source.layout.root.digest);
    await expect(pulling).rejects.toMatchObject({ code: 'REGISTRY_REFUSED' });
    expect(source.registry.requests.length - before).toBeLessThan(60);
  });
});

describe('a fault at every request of a copy', () => {
  const FAULTS: readonly (readonly [string, Fault])[] = [
    ['dropped', { kind: 'drop' }],
    ['dropped after the work', { kind: 'drop-answer' }],
    ['500', { kind: 'status', status: 500 }],
    ['429', { kind: 'status', status: 429, headers: { 'retry-after': '0' } }],
    ['truncated', { kind: 'truncate' }],
    ['lying digest', { kind: 'headers', headers: { 'docker-content-digest': `sha256:${'0'.repeat(64)}` } }],
  ];

  test.each(['source', 'target'] as const)('at the %s', async (side) => {
    let plan: { at: number; fault: Fault; from: number } | undefined;
    const fault =
      (mine: typeof side) =>
      ({ index }: { index: number }) => {
        return plan !== undefined && mine === side && index - plan.from === plan.at ? plan.fault : undefined;
      };
    const source = await released({ onRequest: fault('source') });
    const count = async () => {
      const target = await start();
      const before = source.registry.requests.length;
      await copy(source.repository, repositoryOf(target), source.layout);
      return side === 'source' ? source.registry.requests.length - before : target.requests.length;
    };
    const total = await count();
    expect(total).toBeGreaterThan(15);
    for (const [, injected] of FAULTS) {
      for (let at = 0; at < total; at++) {
        const target = await start({ onRequest: fault('target') });
        plan = { at, fault: injected, from: side === 'source' ? source.registry.requests.length : 0 };
        await copy(repositoryOf(source.registry), repositoryOf(target), source.layout).catch((error) => {
          expect(error).toHaveProperty('code');
        });
        plan = undefined;
        const stored = target.store.repository(NAME);
        for (const [digest, bytes] of stored.blobs) expect(sha256(bytes)).toBe(digest);
        for (const [digest, { bytes }] of stored.manifests) expect(sha256(bytes)).toBe(digest);
        await copy(source.repository, repositoryOf(target), source.layout);
        expect(stored.manifests.size).toBe(source.registry.store.repository(NAME).manifests.size);
      }
    }
  });
});
