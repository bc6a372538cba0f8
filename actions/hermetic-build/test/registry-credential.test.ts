import { readdir, readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { HttpClient } from '@paved/http';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { definition } from '../src/definition.js';
import { registryClient } from '../src/fetch/registry-client.js';
import type { RegistryKind } from '../src/kinds/locked-project.js';
import { run } from '../src/run.js';
import { type PublishedPackage, publish } from './npm-registry.js';
import { writeFiles } from './write-files.js';

const CANARY = 'npm_canary0123456789abcdefghijklmnop';

interface Listener {
  readonly url: string;
  readonly seen: { readonly path: string; readonly authorization: string | undefined }[];
  readonly server: Server;
}

async function listen(answer: (request: IncomingMessage) => { status: number; location?: string; body?: Buffer }) {
  const seen: Listener['seen'] = [];
  const server = createServer((request, response) => {
    seen.push({ path: request.url ?? '', authorization: request.headers.authorization });
    const { status, location, body } = answer(request);
    response.writeHead(status, location === undefined ? {} : { location }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, server };
}

let host: TestContext;
let priv: PublishedPackage;
let moved: PublishedPackage;
let other: PublishedPackage;
let storage: Listener;
let registry: Listener;
let redirect: () => string;

beforeEach(async () => {
  host = await testContext({ action: 'hermetic-build' });
  priv = await publish({ name: '@acme/priv', version: '1.0.0' });
  moved = await publish({ name: 'moved', version: '1.0.0' });
  other = await publish({ name: 'other', version: '1.0.0' });
  // Another origin, where an address of the lock file leads.
  storage = await listen(() => ({ status: 200, body: other.bytes }));
  redirect = () => `${registry.url}/blob`;
  registry = await listen(({ url = '', headers }) => {
    if (headers.authorization === undefined) return { status: 401 };
    if (decodeURIComponent(url) === priv.path) return { status: 200, body: priv.bytes };
    if (url === '/blob') return { status: 200, body: moved.bytes };
    return url === moved.path ? { status: 302, location: redirect() } : { status: 404 };
  });
  const item = ({ version, integrity }: PublishedPackage) => ({ version, integrity });
  const dependencies = { '@acme/priv': '1.0.0', moved: '1.0.0', other: '1.0.0' };
  const packages = {
    '': { name: 'sample', version: '1.0.0', dependencies },
    'node_modules/@acme/priv': item(priv),
    'node_modules/moved': item(moved),
    'node_modules/other': { ...item(other), resolved: `${storage.url}/elsewhere/other.tgz` },
  };
  await writeFiles(host.workspace, {
    'package.json': JSON.stringify({ name: 'sample', version: '1.0.0', dependencies }),
    'package-lock.json': JSON.stringify({ lockfileVersion: 3, packages }),
    // What the repository says of registries and tokens has no say.
    '.npmrc': `registry=${storage.url}\n//${new URL(storage.url).host}/:_authToken=\${INPUT_REGISTRY-TOKEN}\n`,
  });
});
afterEach(async () => {
  for (const { server } of [storage, registry]) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  await host.dispose();
});

async function act(texts: Record<string, string> = {}) {
  const given = { 'source-path': host.workspace, phase: 'fetch', isolation: 'none', 'registry-token': CANARY };
  const named = { 'registry-url': registry.url, 'private-hosts': new URL(storage.url).host };
  const inputs = await host.inputs(definition, { ...given, ...named, ...texts });
  return await run(inputs, host.context);
}

/** Every byte that the action leaves anywhere. */
async function leftBehind(): Promise<string> {
  const texts = [host.lines.filter((line) => !line.startsWith('::add-mask::')).join('\n'), host.summary()];
  texts.push(JSON.stringify(await host.events()), JSON.stringify([...host.state]));
  for (const entry of await readdir(host.temp, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) texts.push(await readFile(join(entry.parentPath, entry.name), 'latin1'));
  }
  return texts.join('\n');
}

describe('registry-token', () => {
  test('without it the registry refuses (control)', async () => {
    await expect(act({ 'registry-token': '' })).rejects.toMatchObject({ code: 'HTTP_STATUS' });
  });

  test.each([
    ['by itself', {}, `Bearer ${CANARY}`],
    [
      'with a user name',
      { 'registry-username': 'robot' },
      `Basic ${Buffer.from(`robot:${CANARY}`).toString('base64')}`,
    ],
  ])('%s reaches the registry, and no address of the lock file', async (_name, texts, expected) => {
    await act(texts);
    expect(registry.seen).toHaveLength(3);
    expect(new Set(registry.seen.map(({ authorization }) => authorization))).toEqual(new Set([expected]));
    expect(storage.seen).toEqual([{ path: '/elsewhere/other.tgz', authorization: undefined }]);
    const left = await leftBehind();
    expect(left.length).toBeGreaterThan(1000);
    for (const form of [
      CANARY,
      Buffer.from(CANARY).toString('base64'),
      Buffer.from(`robot:${CANARY}`).toString('base64'),
    ])
      expect(left).not.toContain(form);
  });

  test.each<readonly [RegistryKind, string, boolean]>([
    ['npm', '/team-a/@acme%2fpriv/-/priv-1.0.0.tgz', true],
    ['npm', '/team-a/x.tgz', true],
    // Where a lock file leads on a host of many: no address of another team gets what is for this one.
    ['npm', '/team-b/x.tgz', false],
    ['npm', '/team-a-too/x.tgz', false],
    ['npm', '/team-a/../team-b/x.tgz', false],
    ['npm', '/team-a/..%2fteam-b/x.tgz', false],
    ['npm', '/team-a/%2E%2E%5cteam-b/x.tgz', false],
    // Indexes of Python and Cargo have their files beside them.
    ['pypi', '/packages/x.whl', true],
  ])('of %s for a registry with a path goes to %s: %s', async (kind, path, isSent) => {
    const client = registryClient(new HttpClient(), { token: CANARY }, new URL(`${registry.url}/team-a`), kind);
    const answer = await client.request({ method: 'GET', url: `${registry.url}${path}`, accept: () => true });
    answer.discard();
    expect(registry.seen.map(({ authorization }) => authorization !== undefined)).toEqual([isSent]);
  });

  test('is not carried to where a redirect leads', async () => {
    redirect = () => `${storage.url}/stolen`;
    await expect(act()).rejects.toMatchObject({ code: 'HTTP_ADDRESS_REFUSED' });
    expect(storage.seen.filter(({ authorization }) => authorization !== undefined)).toEqual([]);
    expect(await leftBehind()).not.toContain(CANARY);
  });

  test('stays out of the error when the registry fails', async () => {
    await writeFiles(host.workspace, {
      'package-lock.json': JSON.stringify({
        lockfileVersion: 3,
        packages: {
          '': { dependencies: { '@acme/priv': '1.0.0', moved: '1.0.0', other: '1.0.0' } },
          'node_modules/@acme/priv': { version: '1.0.0', integrity: other.integrity },
          'node_modules/moved': { version: '1.0.0', integrity: moved.integrity },
          'node_modules/other': { version: '1.0.0', integrity: other.integrity },
        },
      }),
    });
    const error = await act().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: expect.stringMatching(/INTEGRITY_MISMATCH|HTTP_STATUS/) });
    expect(`${JSON.stringify(error)} ${String(error)} ${(error as Error).stack}`).not.toContain(CANARY);
    expect(await leftBehind()).not.toContain(CANARY);
  });

  test.each(['all', 'build', 'reproduce'])('is refused in phase %s, where user code runs', async (phase) => {
    await expect(act({ phase, command: 'true', 'output-path': 'x' })).rejects.toMatchObject({
      code: 'CREDENTIAL_REFUSED',
      hint: expect.stringContaining('job of its own'),
    });
    expect([...registry.seen, ...storage.seen]).toEqual([]);
  });

  test.each([
    ['no registry that the inputs name', { 'registry-url': '' }],
    ['a registry of another kind', { 'registry-url': '', registries: 'pypi=https://example.invalid/simple' }],
    ['a token that is two headers', { 'registry-token': 'a\r\nx-evil: 1' }],
    ['a user name that is two words', { 'registry-username': 'a:b' }],
  ])('is refused with %s', async (_name, texts) => {
    await expect(act(texts)).rejects.toMatchObject({ code: 'CREDENTIAL_REFUSED', hint: expect.any(String) });
    expect([...registry.seen, ...storage.seen]).toEqual([]);
  });

  test('dry mode may use it, because it runs nothing', async () => {
    const outputs = await act({ phase: 'dry' });
    const { findings } = JSON.parse(await readFile(outputs['findings-path'] ?? '', 'utf8'));
    expect(findings).toMatchObject([{ code: 'SETTINGS_IGNORED', detail: '".npmrc" of the repository is not read' }]);
    expect(await leftBehind()).not.toContain(CANARY);
  });
});
