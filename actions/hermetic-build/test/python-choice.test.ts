import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { NamedHosts } from '../src/fetch/named-hosts.js';
import { fetchDistributions } from '../src/python/fetch-distributions.js';
import { type FileServer, startFileServer } from './file-server.js';
import { indexPages, type SampleWheel, sha256Hex, wheel } from './python-sample.js';

const FACTS = { prefix: '/usr', minor: 11, machine: 'x86_64', glibc: '2.36', markers: { sys_platform: 'linux' } };
const OTHER = 'f'.repeat(64);

let host: TestContext;
let server: FileServer;
let files: Record<'plain' | 'fast' | 'windows' | 'source', SampleWheel>;

beforeEach(async () => {
  host = await testContext({ action: 'hermetic-build' });
  const source = Buffer.from('a source archive, whose own code runs when it is built');
  files = {
    plain: await wheel('pkg', '1.0', 'x = 1\n'),
    fast: await wheel('pkg', '1.0', 'x = 2\n', { tag: 'cp311-cp311-manylinux_2_17_x86_64' }),
    windows: await wheel('pkg', '1.0', 'x = 3\n', { tag: 'cp311-cp311-win_amd64' }),
    source: { file: 'pkg-1.0.tar.gz', bytes: source, sha256: sha256Hex(source) },
  };
  server = await startFileServer({});
});
afterEach(async () => {
  await server.close();
  await host.dispose();
});

type Name = keyof typeof files;

/** The digest of the file that was taken. */
async function chosen(offered: readonly Name[], locked: readonly (Name | 'changed')[]): Promise<string | undefined> {
  for (const [path, body] of Object.entries(indexPages({ pkg: offered.map((name) => files[name]) })))
    server.files.set(path, body);
  const sha256 = locked.map((name) => (name === 'changed' ? OTHER : files[name].sha256));
  const item = { name: 'pkg', version: '1.0', sha256, direct: true, scope: 'runtime', requires: [] } as const;
  const bundlePath = join(host.temp, 'bundle');
  await mkdir(bundlePath);
  const { packages } = await fetchDistributions([item], new URL(`${server.url}/simple/`), FACTS, {
    http: host.context.http,
    bundlePath,
    workDir: host.temp,
    hosts: new NamedHosts({ 'registry-url': new URL(server.url) }),
    registry: undefined,
    repository: 'octo/app',
    onProgress: () => {},
  });
  return (Object.keys(files) as Name[]).find((name) => files[name].sha256 === packages[0]?.digests.sha256);
}

test.each<[string, readonly Name[], readonly Name[], Name]>([
  ['the best of all that is locked', ['plain', 'fast', 'source'], ['plain', 'fast', 'source'], 'fast'],
  ['what is locked, when a better one was published later', ['plain', 'fast', 'source'], ['plain', 'source'], 'plain'],
  ['the source archive, when that alone is locked', ['fast', 'source'], ['source'], 'source'],
  ['what a mirror has of it', ['plain'], ['plain', 'windows', 'source'], 'plain'],
])('takes %s', async (_name, offered, locked, expected) => {
  expect(await chosen(offered, locked)).toBe(expected);
});

test.each<[string, readonly Name[], readonly (Name | 'changed')[]]>([
  ['built instead of a wheel', ['plain', 'source'], ['changed', 'source']],
  ['replaced by a plainer wheel', ['plain', 'fast'], ['plain', 'changed']],
  ['the only one', ['plain'], ['changed']],
])('refuses a lock file in which one digest was changed, so that it would be %s', async (_name, offered, locked) => {
  await expect(chosen(offered, locked)).rejects.toMatchObject({ code: 'INTEGRITY_MISMATCH', hint: expect.any(String) });
});

test('says when nothing that is locked is for this machine', async () => {
  await expect(chosen(['windows'], ['windows'])).rejects.toMatchObject({ code: 'PLATFORM_MISMATCH' });
});
