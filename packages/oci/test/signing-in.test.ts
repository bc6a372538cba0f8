import { afterEach, describe, expect, test } from '@jest/globals';
import { parseChallenges } from '../src/challenge.js';
import { pushContent } from '../src/index.js';
import { blobOf, CANARY, clientOf, closeAll, start } from './client-bench.js';
import { layoutOf } from './scratch.js';

afterEach(closeAll);

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
