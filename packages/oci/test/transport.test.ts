import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { afterEach, describe, expect, test } from '@jest/globals';
import { sha256 } from '@paved/digest';
import { HttpClient } from '@paved/http';
import { startLoopback, startRegistry } from '@paved/testkit';
import { forEachWithinBudget } from '../src/byte-budget.js';
import {
  type BlobProgress,
  type BlobSource,
  bytesSource,
  describeBytes,
  parseRegistryHost,
  parseRepositoryName,
  pushContent,
  RegistryClient,
  type RegistryClientOptions,
  type RepositoryClient,
} from '../src/index.js';
import { RegistryAuth } from '../src/registry-auth.js';
import { type PartialRegistryOptions, startPartialRegistry } from './partial-registry.js';
import { layoutOf } from './scratch.js';

const NAME = parseRepositoryName('octo/app');
const MIB = 1024 * 1024;
const closing: (() => unknown)[] = [];

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

function clientOf(host: string, options: Partial<RegistryClientOptions> = {}): RepositoryClient {
  const retry = { attempts: 4, baseDelayMs: 1, maxDelayMs: 5 };
  const client = new RegistryClient({ registry: parseRegistryHost(host), retry, ...options });
  closing.push(() => client.close());
  return client.repository(NAME, 'push');
}

function blobOf(bytes: Buffer): BlobSource {
  const descriptor = describeBytes('application/octet-stream', bytes);
  const pieces = () =>
    Array.from({ length: Math.ceil(bytes.length / 65_536) }, (_, at) => bytes.subarray(at * 65_536, (at + 1) * 65_536));
  return { descriptor, open: () => Readable.from(pieces()) };
}

describe('an upload that breaks off', () => {
  const bytes = randomBytes(3 * MIB);
  const half = Math.floor(bytes.length / 2);

  async function attempt(options: PartialRegistryOptions, source = blobOf(bytes)) {
    const registry = await startPartialRegistry(options);
    closing.push(registry.close);
    const outcome = await clientOf(registry.host).pushBlob(source);
    expect(registry.blobs.get(source.descriptor.digest)?.equals(bytes)).toBe(true);
    return { outcome, uploads: registry.uploads };
  }

  test('goes on from where the registry says it is', async () => {
    const { outcome, uploads } = await attempt({ cutAt: (request) => (request === 0 ? half : undefined) });
    expect(outcome).toBe('sent');
    expect(uploads).toEqual([
      ['PUT', half],
      ['PATCH', bytes.length - half],
      ['PUT', 0],
    ]);
  });

  test('and again when that breaks off too', async () => {
    const { uploads } = await attempt({ cutAt: (request) => [half, 1000, undefined][request] });
    expect(uploads.map(([, length]) => length)).toEqual([half, 1000, bytes.length - half - 1000, 0]);
  });

  test.each<[string, (stored: number) => string | undefined]>([
    ['says nothing', () => undefined],
    ['says that it has nothing', () => '0-0'],
    ['says more than the blob has', () => `0-${bytes.length}`],
    ['says less than it has', (stored) => `0-${stored - 10}`],
    ['says something that is no range', () => 'all'],
  ])('starts again when the registry %s', async (_name, range) => {
    const { uploads } = await attempt({ cutAt: (request) => (request === 0 ? half : undefined), range });
    expect(uploads.at(-1)).toEqual(['PUT', bytes.length]);
  });

  test('starts again for a small blob, without asking', async () => {
    const small = bytes.subarray(0, MIB - 1);
    const registry = await startPartialRegistry({ cutAt: (request) => (request === 0 ? 1000 : undefined) });
    closing.push(registry.close);
    await clientOf(registry.host).pushBlob(blobOf(small));
    expect(registry.uploads).toEqual([
      ['PUT', 1000],
      ['PUT', small.length],
    ]);
  });

  test('never completes when the content changed meanwhile', async () => {
    const registry = await startPartialRegistry({ cutAt: (request) => (request === 0 ? half : undefined) });
    closing.push(registry.close);
    const changed = Buffer.from(bytes);
    changed[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    const good = blobOf(bytes);
    let opened = 0;
    const source = { ...good, open: () => (opened++ === 0 ? good : blobOf(changed)).open() };
    await expect(clientOf(registry.host).pushBlob(source)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    expect(registry.blobs.size).toBe(0);
    expect(registry.uploads).toEqual([['PUT', half]]);
  });
});

describe('a token that ends', () => {
  async function service(answer: Record<string, unknown>) {
    const tokens: string[] = [];
    const loopback = await startLoopback({
      handle: async () => {
        tokens.push(`token-${tokens.length}`);
        return { status: 200, body: JSON.stringify({ token: tokens.at(-1), ...answer }) };
      },
    });
    closing.push(loopback.close);
    const http = new HttpClient();
    closing.push(() => http.close());
    let now = 1_000_000;
    const auth = new RegistryAuth({ http, origin: new URL(loopback.url), now: () => now });
    const scopes = ['repository:octo/app:pull,push'];
    await auth.answer(`Bearer realm="${loopback.url}/token"`, scopes, undefined);
    const after = async (ms: number) => {
      now += ms;
      return await auth.current(scopes);
    };
    return { after, loopback };
  }

  test('is replaced before a request would begin with it too late', async () => {
    const { after } = await service({ expires_in: 120 });
    expect(await after(100_000)).toBe('Bearer token-0');
    expect(await after(6_000)).toBe('Bearer token-1');
    expect(await after(1)).toBe('Bearer token-1');
  });

  test('lasts 60 seconds when the service says nothing', async () => {
    const { after } = await service({});
    expect(await after(44_000)).toBe('Bearer token-0');
    expect(await after(2_000)).toBe('Bearer token-1');
  });

  test('is tried when no other can be had', async () => {
    const { after, loopback } = await service({ expires_in: 60 });
    await loopback.close();
    expect(await after(50_000)).toBe('Bearer token-0');
  });
});

test('a refused PUT is sent again with a fresh token', async () => {
  const registry = await startRegistry({ auth: 'bearer', tokenUses: 2 });
  closing.push(registry.close);
  const repository = clientOf(registry.host, { credentials: { kind: 'basic', ...registry.credentials } });
  const bytes = randomBytes(2 * MIB);
  expect(await repository.pushBlob(blobOf(bytes))).toBe('sent');
  expect(registry.requests.map(({ method, status }) => `${method} ${status}`)).toContain('PUT 401');
  expect(registry.store.repository(NAME).blobs.get(sha256(bytes))?.equals(bytes)).toBe(true);
});

describe('a deadline', () => {
  test('cuts off a body, and nothing is sent afterwards', async () => {
    const registry = await startRegistry();
    closing.push(registry.close);
    const ending = new AbortController();
    const repository = clientOf(registry.host, { signal: ending.signal });
    const endless: BlobSource = {
      descriptor: { mediaType: 'a/b', digest: sha256('x'), size: 1_000_000 },
      open: () =>
        new Readable({
          read() {
            this.push(Buffer.alloc(1000));
            ending.abort();
          },
        }),
    };
    await expect(repository.pushBlob(endless)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    const before = registry.requests.length;
    await expect(repository.hasBlob(endless.descriptor)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(registry.requests.length).toBe(before);
    expect(registry.store.repository(NAME).blobs.size).toBe(0);
  });

  test('that is far away changes nothing (control)', async () => {
    const registry = await startRegistry();
    closing.push(registry.close);
    const repository = clientOf(registry.host, { signal: new AbortController().signal });
    expect(await repository.pushBlob(bytesSource(describeBytes('a/b', Buffer.from('x')), Buffer.from('x')))).toBe(
      'sent',
    );
  });
});

test('progress names each layer and its outcome', async () => {
  const registry = await startRegistry();
  closing.push(registry.close);
  const layout = await layoutOf({ a: 'one', b: 'three' });
  const seen: BlobProgress[] = [];
  const options = { repository: clientOf(registry.host), layout, referrers: [] };
  await pushContent({ ...options, onProgress: (progress) => seen.push(progress) });
  const sent = seen.filter(({ state }) => state === 'sent').map(({ descriptor }) => descriptor.size);
  expect(sent.sort()).toEqual([2, 3, 5]);
  expect(
    seen.filter((progress) => progress.state === 'sending' && progress.bytes === progress.descriptor.size),
  ).toHaveLength(3);
});

describe('a budget of bytes', () => {
  async function peaks(sizes: readonly number[], maxItems: number): Promise<{ items: number; bytes: number }> {
    const peak = { items: 0, bytes: 0 };
    let [items, bytes] = [0, 0];
    const budget = { maxItems, maxBytes: 10, maxItemBytes: 8 };
    await forEachWithinBudget(
      sizes,
      (size) => size,
      budget,
      async (size) => {
        items += 1;
        bytes += Math.min(size, 8);
        peak.items = Math.max(peak.items, items);
        peak.bytes = Math.max(peak.bytes, bytes);
        await new Promise((resolve) => setImmediate(resolve));
        items -= 1;
        bytes -= Math.min(size, 8);
      },
    );
    return peak;
  }

  test('is kept by count and by bytes, and one item always runs', async () => {
    expect(await peaks([1, 1, 1, 1, 1], 3)).toEqual({ items: 3, bytes: 3 });
    expect(await peaks([100, 100, 2, 2], 9)).toEqual({ items: 2, bytes: 10 });
    expect(await peaks([100, 1, 1, 100], 9)).toEqual({ items: 3, bytes: 10 });
    expect(await peaks([5, 5, 5], 9)).toEqual({ items: 2, bytes: 10 });
  });

  test('the first failure is thrown when what runs has ended', async () => {
    const ended: number[] = [];
    const running = forEachWithinBudget(
      [1, 2, 3, 4],
      () => 5,
      { maxItems: 2, maxBytes: 10, maxItemBytes: 5 },
      async (item) => {
        await new Promise((resolve) => setImmediate(resolve));
        ended.push(item);
        if (item === 1) throw new Error('first');
      },
    );
    await expect(running).rejects.toThrow('first');
    expect(ended).toEqual([1, 2]);
  });
});
