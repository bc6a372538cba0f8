import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { afterEach, describe, expect, test } from '@jest/globals';
import { sha256 } from '@paved/digest';
import type { Fault } from '@paved/testkit';
import { bytesSource, describeBytes, parseRepositoryName, pushContent } from '../src/index.js';
import { blobOf, clientOf, closeAll, NAME, start } from './client-bench.js';
import { layoutOf } from './scratch.js';

afterEach(closeAll);

describe('blobs', () => {
  test('a blob is sent once, then present, and mounted from another repository', async () => {
    const registry = await start();
    const repository = clientOf(registry);
    expect(await repository.pushBlob(blobOf('hello'))).toBe('sent');
    expect(await repository.pushBlob(blobOf('hello'))).toBe('present');
    const other = repository.registry.repository(parseRepositoryName('octo/other'), 'push');
    expect(await other.pushBlob(blobOf('hello'), { mountFrom: NAME })).toBe('mounted');
    expect(await other.pushBlob(blobOf('new'), { mountFrom: NAME })).toBe('sent');
  });

  test.each([400, 401, 403, 404, 422])('a mount that is answered with %i becomes an upload', async (status) => {
    const onRequest = ({ query }: { readonly query: string }): Fault | undefined =>
      query.includes('mount=') ? { kind: 'status', status } : undefined;
    const repository = clientOf(await start({ onRequest }));
    expect(await repository.pushBlob(blobOf('hello'), { mountFrom: parseRepositoryName('octo/base') })).toBe('sent');
  });

  test('an upload that is refused itself stays an error after a refused mount', async () => {
    const onRequest = ({ method }: { readonly method: string }): Fault | undefined =>
      method === 'POST' ? { kind: 'status', status: 403 } : undefined;
    const pushing = clientOf(await start({ onRequest })).pushBlob(blobOf('hello'), { mountFrom: NAME });
    await expect(pushing).rejects.toMatchObject({ code: 'REGISTRY_REFUSED', status: 403 });
  });

  test.each(['hellO', 'hell', 'hello!', ''])('bytes %j under the digest of "hello" never arrive', async (text) => {
    const registry = await start();
    const source = { ...blobOf('hello'), open: blobOf(text).open };
    await expect(clientOf(registry).pushBlob(source)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    const stored = registry.store.repository('octo/app');
    expect([stored.blobs.size, stored.uploads.size]).toEqual([0, 0]);
    // The session is cancelled; a body of one chunk fails before even the headers of its PUT leave.
    expect(registry.requests.map(({ method }) => method)).toEqual(['HEAD', 'POST', 'DELETE']);
  });

  test('a large blob with a wrong last byte is broken off in the middle', async () => {
    const registry = await start();
    const good = Buffer.alloc(400_000, 7);
    const bad = Buffer.from(good);
    bad[399_999] = 8;
    const open = () => Readable.from([bad.subarray(0, 200_000), bad.subarray(200_000)], { objectMode: false });
    const source = { descriptor: describeBytes('a/b', good), open };
    await expect(clientOf(registry).pushBlob(source)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    expect(registry.store.repository('octo/app').blobs.size).toBe(0);
    expect(registry.requests.find(({ method }) => method === 'PUT')?.status).toBeUndefined();
  });

  test('a file that vanished after the layout was opened is named, and its session cancelled', async () => {
    const registry = await start();
    const layout = await layoutOf({ a: 'one' });
    await rm(layout.path, { recursive: true });
    const pushing = pushContent({ repository: clientOf(registry), layout, referrers: [] });
    await expect(pushing).rejects.toMatchObject({ code: 'LAYOUT_INVALID' });
    expect(registry.store.repository('octo/app').uploads.size).toBe(0);
  });

  test('the empty blob and one of several chunks arrive', async () => {
    const registry = await start();
    const large = Buffer.alloc(300_000, 7);
    expect(await clientOf(registry).pushBlob(blobOf(''))).toBe('sent');
    expect(await clientOf(registry).pushBlob(bytesSource(describeBytes('a/b', large), large))).toBe('sent');
    expect(registry.store.repository('octo/app').blobs.get(sha256(large))?.equals(large)).toBe(true);
  });

  test('a registry that has it with another size or digest is not believed', async () => {
    for (const headers of [{ 'content-length': '4' }, { 'docker-content-digest': sha256('y') }]) {
      const registry = await start({
        onRequest: ({ method }) => (method === 'HEAD' ? { kind: 'headers', headers } : undefined),
      });
      const stored = registry.store.repository('octo/app');
      stored.blobs.set(sha256('hello'), Buffer.from('hello'));
      await expect(clientOf(registry).pushBlob(blobOf('hello'))).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    }
  });

  test('a registry that keeps other bytes is found when they are read back', async () => {
    const registry = await start({
      onRequest: ({ method, path }) => {
        const placed = method === 'PUT' && path.includes('/manifests/');
        if (placed) registry.store.repository('octo/app').blobs.set(sha256('one'), Buffer.from('onE'));
        return undefined;
      },
    });
    const layout = await layoutOf({ a: 'one' });
    const pushing = pushContent({ repository: clientOf(registry), layout, referrers: [], readBack: 'all' });
    await expect(pushing).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });
});
