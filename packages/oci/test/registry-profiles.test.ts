import { afterEach, describe, expect, test } from '@jest/globals';
import { sha256 } from '@paved/digest';
import { REGISTRY_MODES, type RegistryBehaviour, type RegistryDouble, type RegistryMode } from '@paved/testkit';
import {
  bytesSource,
  describeBytes,
  fallbackTag,
  listReferrers,
  parseRepositoryName,
  profileOf,
  REGISTRY_PROFILES,
  registryPath,
  SIGSTORE_BUNDLE,
} from '../src/index.js';
import { artifact, NAME, profile, type Release, TAG, World } from './release.js';

const world = new World();

afterEach(() => world.close());

interface Case {
  readonly registry: RegistryDouble;
  readonly release: Release;
}

async function caseOf(mode: RegistryMode, behaviour: RegistryBehaviour = {}, immutableTags = false): Promise<Case> {
  const registry = await world.registry({ mode, ...behaviour });
  return { registry, release: world.release(registry, { mode, immutableTags }) };
}

function fallbackOf({ registry }: Case): number {
  const index = registry.store.repository(NAME).find(fallbackTag(artifact().root.digest));
  return index === undefined ? 0 : JSON.parse(String(index.bytes)).manifests.length;
}

function sent({ registry }: Case, method: string, status?: number): readonly string[] {
  return registry.requests
    .filter((request) => request.method === method && (status === undefined || request.status === status))
    .map(({ path, query }) => `${path}${query}`);
}

async function keepsFallbackIndex(mode: RegistryMode): Promise<void> {
  const found = await caseOf(mode);
  await found.release.run();
  expect(registryPath(found.release.repository.registry).referrersApi).toBe('absent');
  expect(fallbackOf(found)).toBe(2);
  // Asking is never skipped: the same registry may have learned it meanwhile.
  const grown = await caseOf(mode, { referrers: true });
  await grown.release.run();
  expect([registryPath(grown.release.repository.registry).referrersApi, fallbackOf(grown)]).toEqual(['answers', 0]);
}

async function announcesAndListsNothing(mode: RegistryMode): Promise<void> {
  const found = await caseOf(mode);
  await found.release.run();
  const referrer = found.release.referrers[0]?.manifest.digest ?? '';
  const again = await fetch(new URL(`/v2/${NAME}/manifests/${referrer}`, found.registry.url), {
    method: 'PUT',
    headers: { 'content-type': 'application/vnd.oci.image.manifest.v1+json' },
    body: new Uint8Array(found.registry.store.repository(NAME).manifests.get(referrer)?.bytes ?? []),
  });
  expect(again.headers.get('oci-subject')).toBe(found.release.layout.root.digest);
  expect(fallbackOf(found)).toBe(2);
}

async function referrersComeFirst(mode: RegistryMode): Promise<void> {
  const found = await caseOf(mode);
  expect(await found.release.run()).toMatchObject({ order: 'referrers-first', windowMs: 0 });
  expect([registryPath(found.release.repository.registry).referrersApi, fallbackOf(found)]).toEqual(['answers', 0]);
}

async function oneStreamingPut(mode: RegistryMode, size: number): Promise<void> {
  const found = await caseOf(mode);
  const bytes = Buffer.alloc(size, 'x');
  const source = bytesSource(describeBytes('application/octet-stream', bytes), bytes);
  expect(await found.release.repository.pushBlob(source)).toBe('sent');
  expect(sent(found, 'PATCH')).toEqual([]);
}

async function patch({ registry }: Case, range: string, body: string, location?: string): Promise<Response> {
  const open = async () => {
    const opened = await fetch(new URL(`/v2/${NAME}/blobs/uploads/`, registry.url), { method: 'POST' });
    return opened.headers.get('location') ?? '';
  };
  const url = new URL(location ?? (await open()), registry.url);
  return await fetch(url, { method: 'PATCH', headers: { 'content-range': range }, body });
}

async function namedErrorOnImmutableTags(mode: RegistryMode): Promise<void> {
  const found = await caseOf(mode, { referrers: false, immutableTags: true }, true);
  await expect(found.release.run()).rejects.toMatchObject({ code: 'REFERRERS_IMMUTABLE_TAG' });
  expect([...sent(found, 'POST'), ...sent(found, 'PUT')]).toEqual([]);
}

/** What is shown for each quirk of the table: the double behaves so, and the client copes as the table says. */
const SHOWN: Readonly<Record<string, () => Promise<void>>> = {
  'ghcr referrers-api': () => keepsFallbackIndex('ghcr'),
  'ghcr oci-subject': () => announcesAndListsNothing('ghcr'),
  'ghcr chunks': async () => {
    await oneStreamingPut('ghcr', 5 * 1024 * 1024);
    const found = await caseOf('ghcr');
    const limit = profile('ghcr')?.chunks.maxBytes ?? 0;
    expect((await patch(found, `0-${limit - 1}`, 'x'.repeat(limit))).status).toBe(202);
    expect((await patch(found, `0-${limit}`, 'x'.repeat(limit + 1))).status).toBe(416);
  },
  'docker-hub referrers-api': () => keepsFallbackIndex('docker-hub'),
  'docker-hub oci-subject': () => announcesAndListsNothing('docker-hub'),
  'docker-hub missing-subject': async () => {
    const known = await caseOf('docker-hub');
    expect((await known.release.run()).order).toBe('manifest-first');
    expect(sent(known, 'PUT', 400)).toEqual([]);
    const unknown = await world.registry({ mode: 'docker-hub' });
    const release = world.release(unknown);
    expect((await release.run()).order).toBe('manifest-first');
    expect(sent({ registry: unknown, release }, 'PUT', 400)).toHaveLength(1);
    expect(registryPath(release.repository.registry).missingSubject).toBe('refused');
  },
  'ecr oci-subject': () => announcesAndListsNothing('ecr'),
  'ecr missing-subject': async () => {
    const found = await caseOf('ecr');
    expect((await found.release.run()).order).toBe('manifest-first');
    expect(sent(found, 'PUT', 405)).toHaveLength(1);
    const referrers = found.release.referrers.map(({ manifest }) => manifest.digest);
    const never = await world.registry({
      mode: 'ecr',
      onRequest: ({ method, path }) =>
        method === 'PUT' && referrers.some((digest) => path.endsWith(digest))
          ? { kind: 'status', status: 405 }
          : undefined,
    });
    await expect(world.release(never, { mode: 'ecr' }).run()).rejects.toMatchObject({
      code: 'REGISTRY_REFUSED',
      status: 405,
    });
    expect(never.store.repository(NAME).tags.has(TAG)).toBe(false);
  },
  'ecr chunks': async () => {
    await oneStreamingPut('ecr', 100_000);
    expect(profile('ecr')?.chunks.trustsRange).toBe(false);
    const found = await caseOf('ecr');
    const first = await patch(found, '0-2', 'hel');
    const second = await patch(found, '3-4', 'lo', first.headers.get('location') ?? '');
    expect([second.status, second.headers.get('range')]).toEqual([202, '0-2']);
  },
  'ecr mount': async () => {
    const found = await caseOf('ecr');
    const base = parseRepositoryName('octo/base');
    const bytes = Buffer.from('a base layer');
    const source = bytesSource(describeBytes('application/octet-stream', bytes), bytes);
    const { digest } = source.descriptor;
    found.registry.store.repository(base).blobs.set(digest, bytes);
    expect(await found.release.repository.pushBlob(source, { mountFrom: base })).toBe('sent');
    found.registry.store.repository(NAME).blobs.delete(digest);
    found.registry.store.repository(base).manifests.set(sha256('m'), {
      digest: sha256('m'),
      mediaType: '',
      bytes: Buffer.from('m'),
      subject: undefined,
      artifactType: undefined,
      annotations: undefined,
      blobs: [digest],
    });
    expect(await found.release.repository.pushBlob(source, { mountFrom: base })).toBe('mounted');
  },
  'ecr immutable-tags': () => namedErrorOnImmutableTags('ecr'),
  'artifact-registry referrers-api': () => keepsFallbackIndex('artifact-registry'),
  'acr missing-subject': () => referrersComeFirst('acr'),
  'acr chunks': async () => {
    const found = await caseOf('acr');
    expect((await patch(found, 'bytes 0-2', 'hel')).status).toBe(416);
    expect((await patch(found, '0-2', 'hel')).status).toBe(202);
    await oneStreamingPut('acr', 100_000);
  },
  'harbor referrers-api': () => referrersComeFirst('harbor'),
  'harbor immutable-tags': async () => {
    await namedErrorOnImmutableTags('harbor');
    const current = await caseOf('harbor', { immutableTags: true }, true);
    expect((await current.release.run()).order).toBe('referrers-first');
  },
  'harbor mount': async () => {
    const found = await caseOf('harbor');
    const unknown = parseRepositoryName('nobody/base');
    const sources = ['one', 'two'].map((text) =>
      bytesSource(describeBytes('application/octet-stream', Buffer.from(text)), Buffer.from(text)),
    );
    for (const source of sources) {
      expect(await found.release.repository.pushBlob(source, { mountFrom: unknown })).toBe('sent');
    }
    expect(sent(found, 'POST').map((query) => query.includes('from='))).toEqual([true, false, false]);
  },
  'quay mount': async () => {
    const found = await caseOf('quay');
    const bytes = Buffer.from('a base layer');
    const source = bytesSource(describeBytes('application/octet-stream', bytes), bytes);
    const base = parseRepositoryName('octo/base');
    found.registry.store.repository(base).blobs.set(source.descriptor.digest, bytes);
    const bare = new URL(`/v2/${NAME}/blobs/uploads/?mount=${source.descriptor.digest}`, found.registry.url);
    expect((await fetch(bare, { method: 'POST' })).status).toBe(400);
    expect(await found.release.repository.pushBlob(source, { mountFrom: base })).toBe('mounted');
    expect(sent(found, 'POST').filter((query) => query.includes('mount=') && !query.includes('from='))).toHaveLength(1);
  },
  'gitlab referrers-api': () => keepsFallbackIndex('gitlab'),
  'distribution referrers-api': () => keepsFallbackIndex('distribution'),
  'distribution single-post': async () => {
    const registry = await world.registry({ mode: 'distribution' });
    const release = world.release(registry, { referrers: 5 });
    await release.run();
    expect(sent({ registry, release }, 'POST').filter((query) => query.includes('digest='))).toHaveLength(1);
    expect(registryPath(release.repository.registry).singlePost).toBe(false);
    const plain = await world.registry();
    const direct = world.release(plain, { referrers: 5 });
    await direct.run();
    expect(
      sent({ registry: plain, release: direct }, 'POST').filter((query) => query.includes('digest=')),
    ).toHaveLength(6);
  },
  'zot missing-subject': () => referrersComeFirst('zot'),
  'jfrog referrers-api': async () => {
    await referrersComeFirst('jfrog');
    const old = await caseOf('jfrog', { referrers: false });
    await old.release.run();
    expect(fallbackOf(old)).toBe(2);
  },
  'crane oci-subject': async () => {
    await referrersComeFirst('crane');
    const found = await caseOf('crane');
    await found.release.run();
    const { repository, layout } = found.release;
    expect(await listReferrers(repository, layout.root.digest, SIGSTORE_BUNDLE)).toHaveLength(2);
    expect(await listReferrers(repository, layout.root.digest, 'application/x-other')).toEqual([]);
  },
};

const ROWS = REGISTRY_PROFILES.flatMap(({ name, quirks }) =>
  quirks.map((quirk) => ({ key: `${name} ${quirk.topic}`, name, quirk })),
);

describe('the table of registries', () => {
  test('every quirk has a source and is shown on the double, and nothing else is', () => {
    expect(ROWS.map(({ key }) => key).sort()).toEqual(Object.keys(SHOWN).sort());
    for (const { quirk } of ROWS) expect([quirk.source.length > 5, quirk.client.length > 5]).toEqual([true, true]);
  });

  test('every registry has a mode of the double, and the other way round', () => {
    expect(['plain', ...REGISTRY_PROFILES.map(({ name }) => name)].sort()).toEqual(Object.keys(REGISTRY_MODES).sort());
  });

  test.each([
    ['ghcr.io', 'ghcr'],
    ['docker.io', 'docker-hub'],
    ['123456789012.dkr.ecr.eu-west-1.amazonaws.com', 'ecr'],
    ['public.ecr.aws', 'ecr'],
    ['europe-west1-docker.pkg.dev', 'artifact-registry'],
    ['gcr.io', 'artifact-registry'],
    ['team.azurecr.io', 'acr'],
    ['quay.io', 'quay'],
    ['registry.gitlab.com', 'gitlab'],
    ['team.jfrog.io', 'jfrog'],
    ['team.jfrog.io:443', 'jfrog'],
    ['ghcr.io.example.com', undefined],
    ['notghcr.io', undefined],
    ['127.0.0.1:5000', undefined],
  ] as const)('%s is %s', (host, name) => {
    expect(profileOf(host)?.name).toBe(name);
  });
});

test.each(ROWS)('$key: the registry $quirk.registry', async ({ key }) => {
  await SHOWN[key]?.();
});

describe('what the table expects of a registry is what its double shows', () => {
  test.each(REGISTRY_PROFILES.map((row) => [row.name, row] as const))('%s', async (name, row) => {
    const found = await caseOf(name);
    const { order } = await found.release.run();
    const path = registryPath(found.release.repository.registry);
    if (row.referrersApi !== 'unknown') expect(path.referrersApi).toBe(row.referrersApi);
    if (row.missingSubject !== 'unknown') expect(path.missingSubject).toBe(row.missingSubject);
    expect(order).toBe(path.missingSubject === 'accepted' ? 'referrers-first' : 'manifest-first');
    expect(found.registry.store.repository(NAME).tags.get(TAG)).toBe(found.release.layout.root.digest);
  });
});
