import { afterEach, describe, expect, test } from '@jest/globals';
import { sha256 } from '@paved/digest';
import { type RegistryDouble, type RegistryOptions, startRegistry } from '../src/registry/index.js';

const open: RegistryDouble[] = [];

async function start(options: RegistryOptions = {}): Promise<RegistryDouble> {
  const registry = await startRegistry(options);
  open.push(registry);
  return registry;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((registry) => registry.close()));
});

const IMAGE = 'application/vnd.oci.image.manifest.v1+json';

function send(registry: RegistryDouble, method: string, path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(new URL(path, registry.url), { ...init, method });
}

async function pushBlob(registry: RegistryDouble, text: string): Promise<string> {
  const digest = sha256(text);
  const opened = await send(registry, 'POST', '/v2/a/b/blobs/uploads/');
  const location = new URL(opened.headers.get('location') ?? '', registry.url);
  location.searchParams.set('digest', digest);
  const done = await send(registry, 'PUT', location.toString(), { body: text });
  expect(done.status).toBe(201);
  return digest;
}

function image(subject?: string): string {
  const config = { mediaType: 'application/vnd.oci.empty.v1+json', digest: sha256('{}'), size: 2 };
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: IMAGE,
    artifactType: 'application/x-test',
    config,
    layers: [config],
    ...(subject === undefined ? {} : { subject: { mediaType: IMAGE, digest: subject, size: 1 } }),
  });
}

function put(registry: RegistryDouble, reference: string, body: string, headers: Record<string, string> = {}) {
  return send(registry, 'PUT', `/v2/a/b/manifests/${reference}`, {
    body,
    headers: { 'content-type': IMAGE, ...headers },
  });
}

describe('blobs', () => {
  test('a blob is stored by POST and PUT, read back, and mounted elsewhere', async () => {
    const registry = await start();
    const digest = await pushBlob(registry, 'hello');
    const found = await send(registry, 'GET', `/v2/a/b/blobs/${digest}`);
    expect(await found.text()).toBe('hello');
    const mounted = await send(registry, 'POST', `/v2/c/blobs/uploads/?mount=${digest}&from=a/b`);
    expect(mounted.status).toBe(201);
    const unknown = await send(registry, 'POST', `/v2/c/blobs/uploads/?mount=${sha256('x')}&from=a/b`);
    expect(unknown.status).toBe(202);
  });

  test('bytes with another digest are refused', async () => {
    const registry = await start();
    const opened = await send(registry, 'POST', '/v2/a/b/blobs/uploads/');
    const location = `${opened.headers.get('location')}&digest=${sha256('hello')}`;
    expect((await send(registry, 'PUT', location, { body: 'hellO' })).status).toBe(400);
    expect((await send(registry, 'HEAD', `/v2/a/b/blobs/${sha256('hello')}`)).status).toBe(404);
  });

  test('chunks must follow each other', async () => {
    const registry = await start();
    const opened = await send(registry, 'POST', '/v2/a/b/blobs/uploads/');
    const location = opened.headers.get('location') ?? '';
    const first = { body: 'he', headers: { 'content-range': '0-1' } };
    expect((await send(registry, 'PATCH', location, first)).status).toBe(202);
    expect((await send(registry, 'PATCH', location, first)).status).toBe(416);
    const rest = await send(registry, 'PUT', `${location}&digest=${sha256('hello')}`, { body: 'llo' });
    expect(rest.status).toBe(201);
  });
});

describe('manifests and referrers', () => {
  test('a manifest whose blobs are missing is refused', async () => {
    const registry = await start();
    expect((await put(registry, 'v1', image())).status).toBe(400);
    await pushBlob(registry, '{}');
    expect((await put(registry, 'v1', image())).status).toBe(201);
    const tags = await send(registry, 'GET', '/v2/a/b/tags/list');
    expect(await tags.json()).toEqual({ name: 'a/b', tags: ['v1'] });
  });

  test('a referrer may come before its subject, and is listed with a filter', async () => {
    const registry = await start();
    await pushBlob(registry, '{}');
    const subject = sha256(image());
    const referrer = image(subject);
    const pushed = await put(registry, sha256(referrer), referrer);
    expect(pushed.headers.get('oci-subject')).toBe(subject);
    const listed = await send(registry, 'GET', `/v2/a/b/referrers/${subject}?artifactType=application/x-test`);
    expect(listed.headers.get('oci-filters-applied')).toBe('artifactType');
    expect(await listed.json()).toMatchObject({ manifests: [{ digest: sha256(referrer) }] });
    const none = await send(registry, 'GET', `/v2/a/b/referrers/${subject}?artifactType=application/x-other`);
    expect(await none.json()).toMatchObject({ manifests: [] });
  });

  test('without the referrers API there is no OCI-Subject and a 404', async () => {
    const registry = await start({ referrers: false });
    await pushBlob(registry, '{}');
    const referrer = image(sha256(image()));
    expect((await put(registry, sha256(referrer), referrer)).headers.get('oci-subject')).toBeNull();
    expect((await send(registry, 'GET', `/v2/a/b/referrers/${sha256(image())}`)).status).toBe(404);
  });

  test('a missing subject, another digest under an immutable tag and a stale If-Match are refused', async () => {
    const registry = await start({ acceptMissingSubject: false, immutableTags: true });
    await pushBlob(registry, '{}');
    const referrer = image(sha256(image()));
    expect((await put(registry, sha256(referrer), referrer)).status).toBe(400);
    expect((await put(registry, 'v1', image())).status).toBe(201);
    expect((await put(registry, 'v1', image())).status).toBe(201);
    expect((await put(registry, 'v1', referrer)).status).toBe(409);
    expect((await put(registry, 'v1', image(), { 'if-match': '"other"' })).status).toBe(412);
  });
});

describe('authentication', () => {
  test('bearer: the challenge names realm and scope, and a token holds for its repository alone', async () => {
    const registry = await start({ auth: 'bearer' });
    const refused = await send(registry, 'POST', '/v2/a/b/blobs/uploads/');
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toBe(
      `Bearer realm="${registry.url}/token",service="registry.test",scope="repository:a/b:pull,push"`,
    );
    const { username, password } = registry.credentials;
    const basic = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
    const scope = encodeURIComponent('repository:a/b:pull,push');
    const answer = await send(registry, 'GET', `/token?scope=${scope}`, { headers: { authorization: basic } });
    const { token } = (await answer.json()) as { token: string };
    const headers = { authorization: `Bearer ${token}` };
    expect((await send(registry, 'POST', '/v2/a/b/blobs/uploads/', { headers })).status).toBe(202);
    expect((await send(registry, 'POST', '/v2/c/blobs/uploads/', { headers })).status).toBe(401);
    const wrong = { authorization: `Basic ${Buffer.from('paved:wrong').toString('base64')}` };
    expect((await send(registry, 'GET', `/token?scope=${scope}`, { headers: wrong })).status).toBe(401);
  });

  test('basic: only the right password passes', async () => {
    const registry = await start({ auth: 'basic' });
    const { username, password } = registry.credentials;
    const headers = (secret: string) => ({
      authorization: `Basic ${Buffer.from(`${username}:${secret}`).toString('base64')}`,
    });
    expect((await send(registry, 'GET', '/v2/', { headers: headers(password) })).status).toBe(200);
    expect((await send(registry, 'GET', '/v2/', { headers: headers('x') })).status).toBe(401);
  });
});

describe('faults', () => {
  test.each([
    ['drop', { kind: 'drop' }],
    ['drop-answer', { kind: 'drop-answer' }],
    ['truncate', { kind: 'truncate' }],
  ] as const)('%s breaks the connection', async (_name, fault) => {
    const registry = await start({ onRequest: () => fault });
    await expect(send(registry, 'GET', '/v2/').then((answer) => answer.text())).rejects.toThrow();
  });

  test('status and headers change the answer', async () => {
    const registry = await start({
      onRequest: ({ index }) =>
        index === 0
          ? { kind: 'status', status: 429, headers: { 'retry-after': '0' } }
          : { kind: 'headers', headers: { 'docker-content-digest': 'sha256:lie' } },
    });
    expect((await send(registry, 'GET', '/v2/')).status).toBe(429);
    expect((await send(registry, 'GET', '/v2/')).headers.get('docker-content-digest')).toBe('sha256:lie');
  });
});
