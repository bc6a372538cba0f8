import { createServer, type Server } from 'node:http';
import type { AddressInfo, LookupFunction } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { describeError } from '@paved/errors';
import { HttpClient } from '@paved/http';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { definition } from '../src/definition.js';
import { fetchBundle } from '../src/fetch/bundle.js';
import { mismatch } from '../src/fetch/download.js';
import { NamedHosts } from '../src/fetch/named-hosts.js';
import { PublicClient } from '../src/fetch/public-client.js';
import { readProject } from '../src/project.js';
import { run } from '../src/run.js';
import { mavenSample, POM } from './maven-sample.js';
import { type PublishedPackage, publish, type Registry, sri, startNpmRegistry } from './npm-registry.js';
import { indexPages, sha256Hex, wheel } from './python-sample.js';
import { writeFiles } from './write-files.js';

/** A service of the private network: what it answers must not be told, and no connection made to it. */
let inner: { readonly server: Server; readonly port: number; connections: number; answer: Buffer };
let registry: Registry;
let host: TestContext;
let leaf: PublishedPackage;
let client: HttpClient | undefined;

beforeEach(async () => {
  host = await testContext({ action: 'hermetic-build' });
  leaf = await publish({ name: 'leaf', version: '1.2.3' });
  registry = await startNpmRegistry([leaf]);
  const server = createServer((_request, response) => void response.end(inner.answer));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  inner = { server, port: (server.address() as AddressInfo).port, connections: 0, answer: leaf.bytes };
  server.on('connection', () => inner.connections++);
});
afterEach(async () => {
  client?.close();
  client = undefined;
  inner.server.closeAllConnections();
  await new Promise((resolve) => inner.server.close(resolve));
  await registry.close();
  await host.dispose();
});

async function fetchIt(texts: Record<string, string>) {
  const given = { phase: 'fetch', isolation: 'none', 'source-path': host.workspace };
  const inputs = await host.inputs(definition, { ...given, ...texts });
  return await run(inputs, client === undefined ? host.context : { ...host.context, http: client });
}

/** Lock files that name an address, and the inputs that they are fetched with. */
const NAMING: Readonly<Record<string, (url: string) => Promise<Record<string, string>> | Record<string, string>>> = {
  async 'package-lock.json'(url) {
    const dependencies = { leaf: '1.2.3' };
    const root = { name: 'app', version: '1.0.0', dependencies };
    const packages = { '': root, 'node_modules/leaf': { version: '1.2.3', integrity: leaf.integrity, resolved: url } };
    await writeFiles(host.workspace, {
      'package.json': JSON.stringify(root),
      'package-lock.json': JSON.stringify({ lockfileVersion: 3, packages }),
    });
    return {};
  },
  async 'yarn.lock'(url) {
    const root = { name: 'app', version: '1.0.0', dependencies: { leaf: '^1.2.3' } };
    const lock = `# yarn lockfile v1\n\n\nleaf@^1.2.3:\n  version "1.2.3"\n  resolved "${url}"\n  integrity ${leaf.integrity}\n`;
    await writeFiles(host.workspace, { 'package.json': JSON.stringify(root), 'yarn.lock': lock });
    return { lockfile: 'yarn.lock' };
  },
  async 'artifacts.lock.yaml'(url) {
    const lock = `metadata: { version: "1.0" }\nartifacts:\n  - download_url: ${url}\n    checksum: sha256:${sha256Hex(leaf.bytes)}\n`;
    await writeFiles(host.workspace, { 'artifacts.lock.yaml': lock });
    return { lockfile: 'artifacts.lock.yaml' };
  },
  async 'lockfile.json of Maven'(url) {
    const { lock } = mavenSample(new URL(url).origin);
    await writeFiles(host.workspace, { 'pom.xml': POM, 'lockfile.json': JSON.stringify(lock) });
    return { lockfile: 'lockfile.json' };
  },
  async 'a Dockerfile that adds a file'(url) {
    const text = `FROM scratch\nADD --checksum=sha256:${sha256Hex(leaf.bytes)} ${url} /a\n`;
    await writeFiles(host.workspace, { Dockerfile: text });
    return { dockerfile: 'Dockerfile', lockfile: 'Dockerfile' };
  },
  async 'a Dockerfile that is based on an image'(url) {
    const text = `FROM ${new URL(url).host}/acme/base:1@sha256:${'a'.repeat(64)}\n`;
    await writeFiles(host.workspace, { Dockerfile: text });
    return { dockerfile: 'Dockerfile', lockfile: 'Dockerfile' };
  },
  async 'a Dockerfile with an image without digest'(url) {
    await writeFiles(host.workspace, { Dockerfile: `FROM ${new URL(url).host}/acme/base:1\n` });
    return { dockerfile: 'Dockerfile', lockfile: 'Dockerfile' };
  },
};
const names = Object.keys(NAMING);

describe('an address that a lock file names', () => {
  test.each(names)('in the private network is not asked: %s', async (name) => {
    const texts = await NAMING[name]?.(`http://127.0.0.1:${inner.port}/credentials`);
    const error: unknown = await fetchIt(texts ?? {}).catch((reason: unknown) => reason);
    expect(inner.connections).toBe(0);
    if (name.endsWith('without digest')) expect(error).toMatchObject({ code: 'BASE_UNPINNED' });
    else expect(error).toMatchObject({ code: 'ADDRESS_REFUSED', hint: expect.stringContaining('private-hosts') });
  });

  test.each(names)('is none that a name stands for: %s', async (name) => {
    const lookup: LookupFunction = (_hostname, { all }, callback) =>
      all === true ? callback(null, [{ address: '127.0.0.1', family: 4 }]) : callback(null, '127.0.0.1', 4);
    client = new HttpClient({ lookup, retry: { attempts: 1 } });
    const texts = await NAMING[name]?.(`https://files.example:${inner.port}/credentials`);
    const error: unknown = await fetchIt(texts ?? {}).catch((reason: unknown) => reason);
    expect(inner.connections).toBe(0);
    if (name.endsWith('without digest')) expect(error).toMatchObject({ code: 'BASE_UNPINNED' });
    else expect(error).toMatchObject({ code: 'ADDRESS_REFUSED' });
  });

  test('is not asked in a dry run either, which says so', async () => {
    for (const name of names) {
      const texts = await NAMING[name]?.(`http://127.0.0.1:${inner.port}/credentials`);
      await fetchIt({ ...texts, phase: 'dry' });
    }
    expect(inner.connections).toBe(0);
    expect(host.summary()).toContain('an address of a private network');
  });

  test.each(names)('is asked when private-hosts has its host and port (control): %s', async (name) => {
    const texts = await NAMING[name]?.(`http://127.0.0.1:${inner.port}/credentials`);
    const other = `127.0.0.1\n127.0.0.1:${inner.port - 1}\n127.0.0.2:${inner.port}`;
    await fetchIt({ ...texts, 'private-hosts': other }).catch(() => undefined);
    expect(inner.connections).toBe(0);
    const error: unknown = await fetchIt({ ...texts, 'private-hosts': `127.0.0.1:${inner.port}` }).catch(
      (reason: unknown) => reason,
    );
    expect(inner.connections).toBeGreaterThan(0);
    expect(error).not.toMatchObject({ code: 'ADDRESS_REFUSED' });
  });

  test('is fetched from there, and what is fetched is used', async () => {
    const texts = await NAMING['package-lock.json']?.(`http://127.0.0.1:${inner.port}/credentials`);
    await expect(fetchIt({ ...texts, 'private-hosts': `127.0.0.1:${inner.port}` })).resolves.toBeDefined();
  });

  test('is asked when it is on the registry that the inputs name, wherever it lies there', async () => {
    await NAMING['package-lock.json']?.(`${registry.url}/elsewhere.tgz`);
    registry.replace('/elsewhere.tgz', leaf.bytes);
    await expect(fetchIt({ 'registry-url': registry.url })).resolves.toBeDefined();
    expect(registry.requests).toEqual(['GET /elsewhere.tgz']);
  });

  test('is asked when it is on the registry that npm of this user is configured with, and on no other', async () => {
    registry.replace('/elsewhere.tgz', leaf.bytes);
    await NAMING['package-lock.json']?.(`${registry.url}/elsewhere.tgz`);
    const { nodes } = await readProject(host.workspace, 'package-lock.json');
    const fetchWith = async (configured: string) => {
      const hosts = new NamedHosts({});
      const http = new PublicClient(host.context.http, hosts);
      const places = { projectPath: host.workspace, bundlePath: host.temp };
      const defaultRegistry = async () => new URL(configured);
      const common = { http, hosts, ...places, lockKind: 'npm', registry: undefined } as const;
      return await fetchBundle(nodes, { ...common, defaultRegistry, onProgress: () => {} });
    };
    expect([...(await fetchWith(registry.url)).keys()]).toEqual(['node_modules/leaf']);
    await expect(fetchWith('https://registry.example/')).rejects.toMatchObject({ code: 'ADDRESS_REFUSED' });
    expect(registry.requests).toEqual(['GET /elsewhere.tgz']);
  });

  test.each(['*', 'https://127.0.0.1/', '169.254.169.254', '2130706433', '127.1', 'a b', '127.0.0.1:0'])(
    'of private-hosts "%s" is refused',
    async (line) => {
      await NAMING['package-lock.json']?.(`http://127.0.0.1:${inner.port}/credentials`);
      await expect(fetchIt({ 'private-hosts': line })).rejects.toMatchObject({ code: 'PRIVATE_HOSTS_INVALID' });
      expect(inner.connections).toBe(0);
    },
  );
});

test('an address that a package index names is held to the same', async () => {
  const file = await wheel('pkg', '1.0', 'x = 1\n');
  const page = String(indexPages({ pkg: [file] })['/simple/pkg/']);
  registry.replace('/simple/pkg/', Buffer.from(page.replace('../../files/', `http://127.0.0.1:${inner.port}/files/`)));
  await writeFiles(host.workspace, { 'requirements.txt': `pkg==1.0 --hash=sha256:${file.sha256}\n` });
  const texts = { lockfile: 'requirements.txt', registries: `pypi=${registry.url}/simple` };
  await expect(fetchIt(texts)).rejects.toMatchObject({ code: 'ADDRESS_REFUSED' });
  expect(inner.connections).toBe(0);
});

describe('bytes that are not those of the lock file', () => {
  const other = Buffer.from('the answer of a service');

  test('are not told of when the user did not name the host', () => {
    const source = { $case: 'url', url: new URL('https://files.example/a'), isNamedByUser: false } as const;
    const said = describeError(mismatch('leaf@1.2.3', source, 'sha256', sha256Hex(other), 'b'.repeat(64)));
    expect(said).toContain('files.example/a');
    expect(said).toContain('bbbbbbbbbbbbbbbb...');
    expect(said).not.toContain(sha256Hex(other).slice(0, 4));
  });

  test('are told of when they are the registry’s that the user named', async () => {
    await NAMING['package-lock.json']?.(`https://files.example${leaf.path}`);
    registry.replace(leaf.path, other);
    const error: unknown = await fetchIt({ 'registry-url': registry.url }).catch((reason: unknown) => reason);
    const hex = Buffer.from(sri(other).slice('sha512-'.length), 'base64').toString('hex');
    expect(error).toMatchObject({ code: 'INTEGRITY_MISMATCH', message: expect.stringContaining(hex.slice(0, 16)) });
  });
});
