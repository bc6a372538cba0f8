import { afterEach, describe, expect, test } from '@jest/globals';
import { sha256 } from '@paved/digest';
import type { RegistryDouble, RegistryOptions } from '@paved/testkit';
import {
  addToFallbackIndex,
  attachReferrers,
  fallbackTag,
  listReferrers,
  manifestDescriptor,
  pushContent,
  SIGSTORE_BUNDLE,
} from '../src/index.js';
import { artifact, bundlesOf, NAME, TAG, World } from './release.js';

const world = new World();

afterEach(() => world.close());

function fallbackEntries(registry: RegistryDouble): readonly { digest: string }[] {
  const index = registry.store.repository(NAME).find(fallbackTag(artifact().root.digest));
  return index === undefined ? [] : JSON.parse(String(index.bytes)).manifests;
}

function putsOf(registry: RegistryDouble, tag: string): number {
  return registry.requests.filter(({ method, path }) => method === 'PUT' && path.endsWith(tag)).length;
}

const PATHS: readonly (readonly [string, RegistryOptions])[] = [
  ['referrers API', {}],
  ['referrers API without OCI-Subject', { announceSubject: false }],
  ['fallback index', { referrers: false }],
  ['fallback index, no conditional PUT', { referrers: false, conditionalPut: false }],
  ['fallback index, lying OCI-Subject', { referrers: false, announceSubject: true }],
];

describe.each(PATHS)('requests with the %s', (_name, options) => {
  test('five referrers of a new image take at most 5 + 3 x 5', async () => {
    const [bare, signed] = [await world.registry(options), await world.registry(options)];
    await world.release(bare, { referrers: 0 }).run();
    await world.release(signed, { referrers: 5 }).run();
    expect(signed.requests.length - bare.requests.length).toBeLessThanOrEqual(5 + 3 * 5);
    const { repository, layout } = world.release(signed);
    expect(await listReferrers(repository, layout.root.digest)).toHaveLength(5);
  });

  test('five referrers of an image that is there take at most 5 + 3 x 5', async () => {
    const registry = await world.registry(options);
    await world.release(registry, { referrers: 0 }).run();
    const before = registry.requests.length;
    const { repository, layout } = world.release(registry);
    await attachReferrers(repository, bundlesOf(layout, 5));
    expect(registry.requests.length - before).toBeLessThanOrEqual(5 + 3 * 5);
    expect(await listReferrers(repository, layout.root.digest)).toHaveLength(5);
  });

  test('a second push of the same image takes at most 6, and sends nothing', async () => {
    const registry = await world.registry(options);
    await world.release(registry).run();
    const before = registry.requests.length;
    const content = await world.release(registry).run();
    const second = registry.requests.slice(before);
    expect(second.length).toBeLessThanOrEqual(6);
    expect(second.filter(({ method }) => method !== 'GET' && method !== 'HEAD')).toEqual([]);
    expect(content.bytes.sent).toBe(0);
  });

  test('one PUT of the fallback index per subject, or none', async () => {
    const registry = await world.registry(options);
    await world.release(registry, { referrers: 5 }).run();
    const fallback = 'referrers' in options;
    expect(putsOf(registry, fallbackTag(artifact().root.digest))).toBe(fallback ? 1 : 0);
    expect(fallbackEntries(registry)).toHaveLength(fallback ? 5 : 0);
  });
});

describe('20 parallel attaches to one subject without the referrers API', () => {
  test.each([
    ['If-Match obeyed', { referrers: false }, 5],
    // Nothing on the server helps here: the pause before reading back has to outlast another writer's round trip.
    ['If-Match ignored', { referrers: false, conditionalPut: false }, 60],
  ] as const)('%s: 20 entries', async (_name, options, baseDelayMs) => {
    const registry = await world.registry(options);
    await world.release(registry, { referrers: 0 }).run();
    const layout = artifact();
    await Promise.all(
      bundlesOf(layout, 20).map((referrer) =>
        attachReferrers(world.release(registry, { baseDelayMs }).repository, [referrer]),
      ),
    );
    const digests = fallbackEntries(registry).map(({ digest }) => digest);
    expect(digests.sort()).toEqual(
      bundlesOf(layout, 20)
        .map(({ manifest }) => manifest.digest)
        .sort(),
    );
  });

  test('an entry that another writer lost in between is put back', async () => {
    const layout = artifact();
    const tag = fallbackTag(layout.root.digest);
    const [mine, theirs] = [bundlesOf(layout, 1), bundlesOf(layout, 1, 7)];
    let writes = 0;
    const registry = await world.registry({
      referrers: false,
      conditionalPut: false,
      onRequest: ({ method, path }) => {
        // A third writer, who read before both, overwrites what the first two wrote.
        const stored = registry.store.repository(NAME);
        const reading = method === 'GET' && path.endsWith(tag) && stored.tags.has(tag);
        if (reading && ++writes === 2) stored.tags.set(tag, sha256('gone'));
        return undefined;
      },
    });
    await world.release(registry, { referrers: 0 }).run();
    const { repository } = world.release(registry);
    await attachReferrers(repository, theirs);
    writes = 0;
    await attachReferrers(world.release(registry).repository, mine);
    const wanted = [...mine, ...theirs].map(({ manifest }) => manifest.digest);
    expect(new Set(fallbackEntries(registry).map(({ digest }) => digest))).toEqual(new Set(wanted));
  });

  test('a writer that never stops is named', async () => {
    const layout = artifact();
    const tag = fallbackTag(layout.root.digest);
    const registry = await world.registry({
      referrers: false,
      onRequest: ({ method, path }) => {
        if (method === 'GET' && path.endsWith(tag)) registry.store.repository(NAME).tags.delete(tag);
        return undefined;
      },
    });
    await expect(world.release(registry).run()).rejects.toMatchObject({ code: 'REFERRERS_CONFLICT' });
    expect(registry.store.repository(NAME).tags.get(TAG)).toBeUndefined();
  });

  test('a tag that holds something else than an index is left alone', async () => {
    const registry = await world.registry({ referrers: false });
    await world.release(registry, { referrers: 0 }).run();
    const { repository, layout, referrers } = world.release(registry);
    const tag = fallbackTag(layout.root.digest);
    registry.store.repository(NAME).tags.set(tag, layout.root.digest);
    const manifests = referrers.map(({ manifest }) => manifest);
    const adding = addToFallbackIndex(repository, layout.root.digest, manifests);
    await expect(adding).rejects.toMatchObject({ code: 'REFERRERS_CONFLICT' });
    expect(registry.store.repository(NAME).tags.get(tag)).toBe(layout.root.digest);
  });
});

describe('immutable tags', () => {
  const sent = (registry: RegistryDouble) =>
    registry.requests.filter(({ method }) => method !== 'GET' && method !== 'HEAD');

  test.each([409, 412, 400])('without the API: a named error before the first byte (%i)', async (immutableStatus) => {
    const registry = await world.registry({ referrers: false, immutableTags: true, immutableStatus });
    const { run, repository, referrers } = world.release(registry, { immutableTags: true });
    await expect(run()).rejects.toMatchObject({ code: 'REFERRERS_IMMUTABLE_TAG' });
    await expect(attachReferrers(repository, referrers)).rejects.toMatchObject({ code: 'REFERRERS_IMMUTABLE_TAG' });
    expect(sent(registry)).toEqual([]);
  });

  test('with the API they are no obstacle', async () => {
    const registry = await world.registry({ immutableTags: true });
    await world.release(registry, { immutableTags: true }).run();
    expect(registry.store.repository(NAME).tags.has(TAG)).toBe(true);
  });

  test('without referrers they are no obstacle', async () => {
    const registry = await world.registry({ referrers: false, immutableTags: true });
    await world.release(registry, { immutableTags: true, referrers: 0 }).run();
    expect(registry.store.repository(NAME).tags.has(TAG)).toBe(true);
  });

  test.each([409, 412, 400])(
    'that nobody told about: the second change of the index is named (%i), and no entry is lost',
    async (immutableStatus) => {
      const registry = await world.registry({
        referrers: false,
        conditionalPut: false,
        immutableTags: true,
        immutableStatus,
      });
      await world.release(registry).run();
      const { repository, layout } = world.release(registry);
      const later = bundlesOf(layout, 1, 9);
      await expect(attachReferrers(repository, later)).rejects.toMatchObject({ code: 'REFERRERS_IMMUTABLE_TAG' });
      expect(fallbackEntries(registry)).toHaveLength(2);
    },
  );
});

describe('what is missing is noticed', () => {
  test('a second push attaches what was deleted behind the fallback index', async () => {
    const registry = await world.registry({ referrers: false });
    const first = world.release(registry);
    await first.run();
    const [gone] = first.referrers;
    registry.store.repository(NAME).manifests.delete(gone?.manifest.digest ?? '');
    await world.release(registry).run();
    expect(registry.store.repository(NAME).manifests.has(gone?.manifest.digest ?? '')).toBe(true);
  });

  test('a second push sends a child of the artifact that was deleted', async () => {
    const registry = await world.registry();
    const { layout, run } = world.release(registry);
    await run();
    registry.store.repository(NAME).manifests.delete(layout.root.digest);
    const { repository } = world.release(registry);
    await pushContent({ repository, layout, referrers: [] });
    expect(registry.store.repository(NAME).manifests.has(layout.root.digest)).toBe(true);
  });

  test('a registry that lists referrers only after a moment is asked again', async () => {
    let lists = 0;
    const index = 'application/vnd.oci.image.index.v1+json';
    const body = JSON.stringify({ schemaVersion: 2, mediaType: index, manifests: [] });
    const registry = await world.registry({
      onRequest: ({ path }) =>
        path.includes('/referrers/') && ++lists < 3
          ? { kind: 'reply', reply: { status: 200, headers: { 'content-type': index }, body } }
          : undefined,
    });
    await world.release(registry).run();
    expect(fallbackEntries(registry)).toEqual([]);
  });

  test('a registry that answers 200 with an empty list, and has no API, keeps the fallback index', async () => {
    const index = 'application/vnd.oci.image.index.v1+json';
    const body = JSON.stringify({ schemaVersion: 2, mediaType: index, manifests: [] });
    const registry = await world.registry({
      referrers: false,
      onRequest: ({ path }) =>
        path.includes('/referrers/')
          ? { kind: 'reply', reply: { status: 200, headers: { 'content-type': index }, body } }
          : undefined,
    });
    const { run, repository, layout } = world.release(registry);
    await run();
    expect(fallbackEntries(registry)).toHaveLength(2);
    expect(await listReferrers(repository, layout.root.digest)).toHaveLength(2);
  });
});

test('a referrer that the registry lists and does not have is sent again before a tag', async () => {
  let body: string | undefined;
  const index = 'application/vnd.oci.image.index.v1+json';
  const registry = await world.registry({
    onRequest: ({ path }) =>
      body !== undefined && path.includes('/referrers/')
        ? { kind: 'reply', reply: { status: 200, headers: { 'content-type': index }, body } }
        : undefined,
  });
  const { run, repository, layout, referrers } = world.release(registry);
  await run();
  const stored = registry.store.repository(NAME);
  const [lost] = referrers.map(({ manifest }) => manifest.digest);
  const manifests = referrers.map(({ manifest }) => ({
    ...manifestDescriptor(manifest),
    artifactType: SIGSTORE_BUNDLE,
  }));
  body = JSON.stringify({ schemaVersion: 2, mediaType: index, manifests });
  stored.manifests.delete(lost ?? '');
  const before = registry.requests.length;
  await attachReferrers(repository, referrers);
  expect(stored.referrersOf(layout.root.digest)).toHaveLength(2);
  const put = registry.requests
    .slice(before)
    .filter(({ method, path }) => method === 'PUT' && path.includes('/manifests/'));
  expect(put.map(({ path }) => path.split('/').at(-1))).toEqual([lost]);
});
