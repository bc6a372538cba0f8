import { afterEach, describe, expect, test } from '@jest/globals';
import { type Digest, sha256 } from '@paved/digest';
import type { RegistryOptions, StoredRepository } from '@paved/testkit';
import { fallbackTag, parseTag, pushContent, pushTags } from '../src/index.js';
import { clientOf, closeAll, start } from './client-bench.js';
import { layoutOf } from './scratch.js';

afterEach(closeAll);

describe('tags', () => {
  async function pushed(options: RegistryOptions = {}) {
    const registry = await start(options);
    const repository = clientOf(registry);
    const [one, two] = [await layoutOf({ a: 'one' }), await layoutOf({ a: 'two' })];
    await pushContent({ repository, layout: one, referrers: [] });
    await pushContent({ repository, layout: two, referrers: [] });
    const stored = registry.store.repository('octo/app');
    return { repository, stored, one: one.root, two: two.root, tags: [parseTag('1.0.0'), parseTag('1.0.1')] };
  }

  test('the same digest again is a success, also where tags are immutable', async () => {
    for (const immutableTags of [false, true]) {
      const { repository, one, tags } = await pushed({ immutableTags });
      const outcomes = async () => (await pushTags({ repository, manifest: one, tags })).map(({ outcome }) => outcome);
      expect(await outcomes()).toEqual(['created', 'created']);
      expect(await outcomes()).toEqual(['present', 'present']);
    }
  });

  test('another digest is refused before any tag is written, and moved only when asked', async () => {
    const { repository, stored, one, two, tags } = await pushed();
    const [first, second] = tags;
    await pushTags({ repository, manifest: one, tags: tags.slice(1) });
    await expect(pushTags({ repository, manifest: two, tags })).rejects.toMatchObject({ code: 'TAG_EXISTS' });
    expect(stored.tags.get(String(first))).toBeUndefined();
    await pushTags({ repository, manifest: two, tags, moveTag: true });
    expect(stored.tags.get(String(second))).toBe(two.digest);
  });

  test('an immutable tag that another job sets meanwhile: same digest passes, another is named', async () => {
    for (const same of [true, false]) {
      const { repository, stored, one, two, tags } = await pushed({
        onRequest: ({ method, path }) => {
          if (method !== 'PUT' || !path.endsWith('/1.0.0')) return undefined;
          stored.tags.set('1.0.0', same ? one.digest : two.digest);
          return { kind: 'status', status: 409 };
        },
      });
      const pushing = pushTags({ repository, manifest: one, tags: tags.slice(0, 1) });
      if (same) expect(await pushing).toHaveLength(1);
      else await expect(pushing).rejects.toMatchObject({ code: 'TAG_EXISTS' });
    }
  });
});

describe('a tag that another job sets between the look and the write', () => {
  async function race(
    moveTag: boolean,
    options: RegistryOptions,
    meddle: (stored: StoredRepository, other: Digest) => void,
  ) {
    const [one, two, three] = [await layoutOf({ a: '1' }), await layoutOf({ a: '2' }), await layoutOf({ a: '3' })];
    let armed = false;
    const registry = await start({
      ...options,
      onRequest: ({ method, path }) => {
        if (!armed || method !== 'PUT' || !path.endsWith('/1.0.0')) return undefined;
        armed = false;
        meddle(stored, two.root.digest);
        return undefined;
      },
    });
    const repository = clientOf(registry);
    for (const layout of [one, two, three]) await pushContent({ repository, layout, referrers: [] });
    const stored = registry.store.repository('octo/app');
    if (moveTag) await pushTags({ repository, manifest: three.root, tags: [parseTag('1.0.0')] });
    armed = true;
    const pushing = pushTags({ repository, manifest: one.root, tags: [parseTag('1.0.0')], moveTag });
    pushing.catch(() => undefined);
    return { pushing, stored, one: one.root.digest, two: two.root.digest };
  }
  const set = (stored: StoredRepository, other: Digest) => void stored.tags.set('1.0.0', other);

  test.each([false, true])('is not overwritten where writes can be conditional (move-tag %p)', async (moveTag) => {
    const { pushing, stored, two } = await race(moveTag, { conditionalPut: true }, set);
    await expect(pushing).rejects.toMatchObject({ code: 'TAG_EXISTS' });
    expect(stored.tags.get('1.0.0')).toBe(two);
  });

  test.each([false, true])('nobody sets it (control; move-tag %p)', async (moveTag) => {
    const { pushing, stored, one } = await race(moveTag, { conditionalPut: true }, () => undefined);
    await pushing;
    expect(stored.tags.get('1.0.0')).toBe(one);
  });

  test('a registry that refuses every condition gets the tag without one', async () => {
    let refused = 0;
    const registry = await start({
      onRequest: ({ method, path }) =>
        method === 'PUT' && path.endsWith('/1.0.0') && refused++ === 0 ? { kind: 'status', status: 412 } : undefined,
    });
    const layout = await layoutOf({ a: '1' });
    const repository = clientOf(registry);
    await pushContent({ repository, layout, referrers: [] });
    await pushTags({ repository, manifest: layout.root, tags: [parseTag('1.0.0')] });
    expect(registry.store.repository('octo/app').tags.get('1.0.0')).toBe(layout.root.digest);
    expect(refused).toBe(2);
  });
});

test('the fallback tag is cut to the lengths of the specification', () => {
  expect(fallbackTag(sha256('x'))).toBe(`sha256-${sha256('x').slice(7)}`);
});
