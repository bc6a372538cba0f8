import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { afterEach, describe, expect, test } from '@jest/globals';
import { type Digest, sha256 } from '@paved/digest';
import { describeError } from '@paved/errors';
import {
  type Fault,
  type RegistryDouble,
  type RegistryOptions,
  type StoredRepository,
  startLoopback,
  startRegistry,
} from '@paved/testkit';
import { parseChallenges } from '../src/challenge.js';
import {
  bytesSource,
  describeBytes,
  fallbackTag,
  listReferrers,
  parseRegistryHost,
  parseRepositoryName,
  parseTag,
  pushContent,
  pushTags,
  RegistryClient,
  type RegistryClientOptions,
  type RepositoryClient,
} from '../src/index.js';
import { layoutOf } from './scratch.js';

const closing: (() => unknown)[] = [];
const NAME = parseRepositoryName('octo/app');
const CANARY = 'canary-7f3a91';

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

async function start(options: RegistryOptions = {}): Promise<RegistryDouble> {
  const registry = await startRegistry({ credentials: { username: 'octo', password: CANARY }, ...options });
  closing.push(registry.close);
  return registry;
}

function clientOf(registry: { readonly host: string }, options: Partial<RegistryClientOptions> = {}): RepositoryClient {
  const client = new RegistryClient({
    registry: parseRegistryHost(registry.host),
    retry: { attempts: 4, baseDelayMs: 1, maxDelayMs: 5 },
    credentials: { kind: 'basic', username: 'octo', password: CANARY },
    ...options,
  });
  closing.push(() => client.close());
  return client.repository(NAME, 'push');
}

function blobOf(text: string) {
  return bytesSource(describeBytes('application/octet-stream', Buffer.from(text)), Buffer.from(text));
}

describe('signing in', () => {
  test.each(['anonymous', 'basic', 'bearer'] as const)('%s: a push is accepted', async (auth) => {
    const registry = await start({ auth });
    const layout = await layoutOf({ a: 'one' });
    await pushContent({ repository: clientOf(registry), layout, referrers: [] });
    expect(registry.store.repository('octo/app').manifests.has(layout.root.digest)).toBe(true);
  });

  test('bearer: one token for a whole push, with the scopes of this repository alone', async () => {
    const registry = await start({ auth: 'bearer' });
    const layout = await layoutOf({ a: '1', b: '2', c: '3', d: '4' });
    await pushContent({ repository: clientOf(registry), layout, referrers: [] });
    const asked = registry.requests.filter(({ path }) => path === '/token');
    expect(asked.map(({ query }) => new URLSearchParams(query).getAll('scope'))).toEqual([
      ['repository:octo/app:pull', 'repository:octo/app:pull,push'],
    ]);
  });

  test('bearer: a token that stops working is replaced, again and again', async () => {
    const registry = await start({ auth: 'bearer', tokenUses: 2 });
    const layout = await layoutOf({ a: '1', b: '2', c: '3' });
    await pushContent({ repository: clientOf(registry), layout, referrers: [], concurrency: 1 });
    expect(registry.requests.filter(({ path }) => path === '/token').length).toBeGreaterThan(3);
  });

  test('wrong credentials end at the token endpoint, without a retry', async () => {
    const registry = await start({ auth: 'bearer' });
    const repository = clientOf(registry, { credentials: { kind: 'basic', username: 'octo', password: 'wrong' } });
    await expect(repository.pushBlob(blobOf('x'))).rejects.toMatchObject({ code: 'REGISTRY_UNAUTHORIZED' });
    expect(registry.requests.length).toBe(2);
  });

  test('without credentials the missing action is named', async () => {
    const registry = await start({ auth: 'bearer', anonymousPull: true });
    const repository = clientOf(registry, { credentials: undefined });
    await expect(repository.pushBlob(blobOf('x'))).rejects.toMatchObject({
      code: 'REGISTRY_UNAUTHORIZED',
      message: expect.stringContaining('repository:octo/app:pull,push'),
    });
  });

  test('a bearer token from the config is sent as it stands', async () => {
    const service = { url: 'http://127.0.0.1', isActive: (token: string) => token === 'direct' };
    const registry = await start({ auth: 'bearer', tokenService: service });
    const good = clientOf(registry, { credentials: { kind: 'bearer', token: 'direct' } });
    expect(await good.pushBlob(blobOf('x'))).toBe('sent');
    const bad = clientOf(registry, { credentials: { kind: 'bearer', token: 'other' } });
    await expect(bad.pushBlob(blobOf('y'))).rejects.toMatchObject({ code: 'REGISTRY_UNAUTHORIZED' });
  });

  test('an identity token is exchanged by POST at the registry itself, and never sent as a header', async () => {
    const registry = await start({ auth: 'bearer' });
    const good = clientOf(registry, { credentials: { kind: 'identity', refreshToken: CANARY } });
    expect(await good.pushBlob(blobOf('x'))).toBe('sent');
    expect(JSON.stringify(registry.requests)).not.toContain(CANARY);
    const bad = clientOf(registry, { credentials: { kind: 'identity', refreshToken: 'other' } });
    await expect(bad.pushBlob(blobOf('y'))).rejects.toMatchObject({ code: 'REGISTRY_UNAUTHORIZED' });
  });

  test('challenges are parsed with quotes, commas in quotes and several schemes', () => {
    expect(parseChallenges('Basic realm="x, y", Bearer realm="https://h/t",service=s,scope="a:b:pull,push"')).toEqual([
      { scheme: 'basic', parameters: new Map([['realm', 'x, y']]) },
      {
        scheme: 'bearer',
        parameters: new Map([
          ['realm', 'https://h/t'],
          ['service', 's'],
          ['scope', 'a:b:pull,push'],
        ]),
      },
    ]);
    expect(parseChallenges('Negotiate')).toEqual([]);
    expect(parseChallenges('BASIC')).toEqual([{ scheme: 'basic', parameters: new Map() }]);
  });
});

describe('a hostile registry', () => {
  /** Another host that must never see a credential. */
  async function stranger() {
    const other = await startLoopback({ handle: async () => ({ status: 200, body: '{"token":"x"}' }) });
    closing.push(other.close);
    return other;
  }

  test.each([
    'http://169.254.169.254/latest/meta-data',
    'https://169.254.169.254/token',
    'https://[::1]/token',
    'https://[::ffff:169.254.169.254]/token',
    'https://10.0.0.1/token',
    'https://localhost/token',
    'https://evil.example/token',
    'http://evil.example/token',
    'ftp://evil.example/token',
    'https://user:pw@evil.example/token',
    'not a url',
    '',
  ])('realm %j is refused before a request', async (realm) => {
    const registry = await start({ auth: 'bearer', realm });
    await expect(clientOf(registry).pushBlob(blobOf('x'))).rejects.toMatchObject({ code: 'REGISTRY_NOT_ALLOWED' });
    expect(registry.requests.length).toBe(1);
  });

  test('a realm on another host gets the credentials only when that host is named', async () => {
    const issuer = await start({ auth: 'bearer' });
    const registry = await start({ auth: 'bearer', realm: `${issuer.url}/token` });
    await expect(clientOf(registry).pushBlob(blobOf('x'))).rejects.toMatchObject({ code: 'REGISTRY_NOT_ALLOWED' });
    expect(issuer.requests).toEqual([]);
    const named = clientOf(registry, { tokenHosts: [issuer.host] });
    await expect(named.pushBlob(blobOf('x'))).rejects.toMatchObject({ code: 'REGISTRY_UNAUTHORIZED' });
    expect(issuer.requests.length).toBe(1);
  });

  test.each([301, 302, 303, 307, 308])('a %s to another host never carries the credentials', async (status) => {
    const other = await stranger();
    const redirect: Fault = { kind: 'status', status, headers: { location: `${other.url}/steal` } };
    for (const method of ['HEAD', 'POST', 'PUT', 'GET']) {
      const registry = await start({
        auth: 'basic',
        onRequest: (request) => (request.method === method ? redirect : undefined),
      });
      await expect(
        pushContent({ repository: clientOf(registry), layout: await layoutOf({ a: '1' }), referrers: [] }),
      ).rejects.toMatchObject({ code: expect.stringMatching(/^(REGISTRY_NOT_ALLOWED|DIGEST_MISMATCH)$/) });
    }
    expect(JSON.stringify(other.requests)).not.toContain('Basic');
    expect(other.requests).toEqual([]);
  });

  test('an upload Location on another private host is refused', async () => {
    const other = await stranger();
    const location = `${other.url}/upload?digest=x`;
    const fault: Fault = { kind: 'reply', reply: { status: 202, headers: { location } } };
    const registry = await start({ onRequest: ({ method }) => (method === 'POST' ? fault : undefined) });
    await expect(clientOf(registry).pushBlob(blobOf('x'))).rejects.toMatchObject({ code: 'REGISTRY_NOT_ALLOWED' });
    expect(other.requests).toEqual([]);
  });

  test.each([undefined, 'http://', 'ftp://h/x', 'https://u:p@127.0.0.1/x', 'http://169.254.169.254/x'])(
    'upload Location %j is refused',
    async (location) => {
      const headers = location === undefined ? {} : { location };
      const fault: Fault = { kind: 'reply', reply: { status: 202, headers } };
      const registry = await start({ onRequest: ({ method }) => (method === 'POST' ? fault : undefined) });
      await expect(clientOf(registry).pushBlob(blobOf('x'))).rejects.toMatchObject({
        code: expect.stringMatching(/^(REGISTRY_NOT_ALLOWED|UPLOAD_INCOMPLETE)$/),
      });
    },
  );

  test('a next page of referrers on another host is refused', async () => {
    const other = await stranger();
    const index = 'application/vnd.oci.image.index.v1+json';
    const registry = await start({
      onRequest: () => ({
        kind: 'reply',
        reply: {
          status: 200,
          headers: { 'content-type': index, link: `<${other.url}/next>; rel="next"` },
          body: JSON.stringify({ schemaVersion: 2, mediaType: index, manifests: [] }),
        },
      }),
    });
    await expect(listReferrers(clientOf(registry), sha256('x'))).rejects.toMatchObject({
      code: 'REGISTRY_NOT_ALLOWED',
    });
    expect(other.requests).toEqual([]);
  });

  test('a manifest with both shapes, of another type or with other bytes is refused', async () => {
    const layout = await layoutOf({ a: '1' });
    const digest = layout.root.digest;
    const mediaType = layout.root.mediaType;
    const both = JSON.stringify({ ...JSON.parse(layout.root.bytes.toString()), manifests: [] });
    const answers: [string, string, string][] = [
      [both, mediaType, 'MANIFEST_AMBIGUOUS'],
      [layout.root.bytes.toString(), 'application/vnd.oci.image.index.v1+json', 'MANIFEST_AMBIGUOUS'],
      [layout.root.bytes.toString(), 'text/html', 'MANIFEST_INVALID'],
      [`${layout.root.bytes} `, mediaType, 'DIGEST_MISMATCH'],
    ];
    for (const [body, type, code] of answers) {
      const registry = await start({
        onRequest: () => ({ kind: 'reply', reply: { status: 200, headers: { 'content-type': type }, body } }),
      });
      const error: unknown = await clientOf(registry)
        .pullManifest(digest)
        .catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code });
      // Whoever named the registry need not be able to read what it answers.
      expect(describeError(error)).not.toContain(sha256(body).slice(7, 23));
    }
  });
});

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
