import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { parseFetchManifest } from '@paved/bom';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { availableMethods } from '@paved/sandbox/testing';
import { definition } from '../src/definition.js';
import { assertCoordinates, mavenPurl, repositoryPath } from '../src/maven/coordinates.js';
import { run } from '../src/run.js';
import { type FileServer, startFileServer } from './file-server.js';
import { mavenSample, POM } from './maven-sample.js';
import { programAvailable } from './program-available.js';
import { writeFiles } from './write-files.js';

const sandboxed = (await availableMethods()).some(({ available }) => available);
const withMaven = sandboxed && programAvailable('mvn', ['--version']) ? test : test.skip;

let host: TestContext;
let server: FileServer;
let sample: ReturnType<typeof mavenSample>;

beforeEach(async () => {
  host = await testContext({ action: 'hermetic-build' });
  server = await startFileServer({});
  sample = mavenSample(server.url);
  for (const { path, bytes } of sample.files) server.files.set(path, bytes);
});
afterEach(async () => {
  await server.close();
  await host.dispose();
});

async function write(change = (text: string) => text, files: Readonly<Record<string, string>> = {}) {
  await writeFiles(host.workspace, { 'pom.xml': POM, 'lockfile.json': change(JSON.stringify(sample.lock)), ...files });
}

async function act(texts: Record<string, string> = {}) {
  const given = {
    'source-path': host.workspace,
    lockfile: 'lockfile.json',
    phase: 'fetch',
    isolation: 'none',
    'private-hosts': new URL(server.url).host,
    ...texts,
  };
  return await run(await host.inputs(definition, given), host.context);
}

async function manifestOf(texts: Record<string, string> = {}) {
  const outputs = await act(texts);
  return parseFetchManifest(await readFile(join(outputs['record-path'] ?? '', 'fetch-manifest.json'), 'utf8'));
}

test('is fetched with plugins and parents, and without the POMs that nothing locks', async () => {
  await write();
  const manifest = await manifestOf();
  expect(manifest.root).toEqual({ name: 'com.acme:shop', version: '7.0', purl: 'pkg:maven/com.acme/shop@7.0' });
  expect(manifest.lockfiles).toMatchObject([{ path: 'lockfile.json', kind: 'maven' }]);
  // Not from Maven Central, so each package URL says from where.
  const from = `?repository_url=${encodeURIComponent(`${server.url}/`)}`;
  expect(manifest.packages).toMatchObject([
    { purl: `pkg:maven/com.acme/grand@1${from}&type=pom`, scope: 'development' },
    { purl: `pkg:maven/com.acme/leaf@2.0${from}`, scope: 'runtime', direct: false, ecosystem: 'Maven' },
    {
      purl: `pkg:maven/com.acme/lib@1.0${from}`,
      scope: 'runtime',
      direct: true,
      dependencies: [`pkg:maven/com.acme/leaf@2.0${from}`],
    },
    { purl: `pkg:maven/com.acme/parent@1${from}&type=pom` },
    { purl: `pkg:maven/com.acme/plug-maven-plugin@3.0${from}`, scope: 'development', direct: true },
    { purl: `pkg:maven/com.acme/unit@4.0${from}`, scope: 'development', lockDigest: expect.stringMatching(/^sha256:/) },
  ]);
  expect(server.requests).toHaveLength(6);
  expect(server.requests.filter((path) => path.endsWith('.pom')).sort()).toEqual([
    '/com/acme/grand/1/grand-1.pom',
    '/com/acme/parent/1/parent-1.pom',
  ]);
});

test('a mirror replaces the addresses of the lock file', async () => {
  await write((text) => text.replaceAll(server.url, 'https://example.invalid/maven2'));
  const { packages } = await manifestOf({ registries: `maven=${server.url}` });
  expect(packages).toHaveLength(6);
  expect(packages.filter(({ purl }) => purl.includes('_url='))).toEqual([]);
});

withMaven('a real Maven finds its parents without network (skipped where there is no mvn or sandbox)', async () => {
  await write();
  const command = `mkdir out
mvn -B validate > out/log
cp -r "$HOME/.m2/repository/com/acme" out/acme`;
  const outputs = await act({ phase: 'all', isolation: 'sandbox', command, 'output-path': 'out' });
  const seen = (path: string) => readFile(join(outputs['artifact-path'] ?? '', path), 'utf8');
  // The version stands in the parent of the parent.
  expect(await seen('log')).toMatch(/Building shop 7\.0.*BUILD SUCCESS/s);
  expect(await seen('acme/lib/1.0/lib-1.0.jar')).toBe('lib');
  const written = await seen('acme/lib/1.0/lib-1.0.pom');
  expect(written).toMatch(/<artifactId>leaf<\/artifactId>\s*<version>2\.0<\/version>\s*<scope>runtime<\/scope>/);
  // What a test needs is not itself left out because of its scope.
  expect(await seen('acme/unit/4.0/unit-4.0.pom')).toMatch(/<artifactId>lib<.*<scope>compile<\/scope>/s);
  expect(await seen('acme/plug-maven-plugin/3.0/plug-maven-plugin-3.0.pom')).toContain('<packaging>maven-plugin<');
});

test('every module has a lock file, and modules are not packages of a repository', async () => {
  const root = POM.replace(
    '</packaging>',
    '</packaging><!-- <module>old</module> --><modules><module>core</module></modules>',
  );
  const core = { ...sample.lock, artifactId: 'core', pom: undefined };
  const lock = {
    ...sample.lock,
    pom: undefined,
    dependencies: [{ ...sample.lock.dependencies[0], artifactId: 'core', version: '7.0' }],
  };
  const files = { 'pom.xml': root, 'core/pom.xml': POM, 'core/lockfile.json': JSON.stringify(core) };
  await write(() => JSON.stringify(lock), files);
  const manifest = await manifestOf();
  expect(manifest.lockfiles.map(({ path }) => path)).toEqual(['lockfile.json', 'core/lockfile.json']);
  expect(manifest.packages.map(({ name }) => name)).not.toContain('com.acme:core');
  await write(() => JSON.stringify(lock), { 'pom.xml': root.replace('core', 'none') });
  await expect(act()).rejects.toMatchObject({
    code: 'LOCKFILE_MISSING',
    message: expect.stringContaining('none/lockfile.json'),
  });
});

describe('is refused with the cure', () => {
  const flip = (text: string) =>
    text.replace(
      /("artifactId":"lib"[^}]*?"checksum":")(.)/g,
      (_all, before, first) => `${before}${first === 'a' ? 'b' : 'a'}`,
    );
  test.each<[string, string, (text: string) => string]>([
    ['one changed digest', 'INTEGRITY_MISMATCH', flip],
    [
      'two digests for a file',
      'LOCKFILE_INVALID',
      (text) => text.replace(/("artifactId":"lib"[^}]*?"checksum":")./, '$10'),
    ],
    ['SHA-1', 'INTEGRITY_WEAK', (text) => text.replace('"SHA-256"', '"SHA-1"').replace('"SHA-256"', '"SHA-1"')],
    [
      'no checksum',
      'INTEGRITY_MISSING',
      (text) => text.replaceAll(/("artifactId":"leaf"[^}]*?"checksum":")[^"]*/g, '$1'),
    ],
    [
      'a short checksum',
      'LOCKFILE_INVALID',
      (text) => text.replaceAll(/("artifactId":"leaf"[^}]*?"checksum":")[^"]*/g, '$1abc'),
    ],
    ['no plugins', 'LOCKFILE_VERSION', (text) => text.replace(/"mavenPlugins":\[.*?\]\}\]/, '"mavenPlugins":[]')],
    ['no tree', 'LOCKFILE_VERSION', (text) => text.replace('"metaData":{', '"metaData":{"config":{"reduced":true},')],
    ['no address', 'REGISTRY_UNKNOWN', (text) => text.replaceAll(/"resolved":"[^"]*",/g, '')],
    [
      'an address without TLS',
      'REGISTRY_UNKNOWN',
      (text) => text.replaceAll('http://127.0.0.1', 'http://example.invalid'),
    ],
    [
      'a version that leads out',
      'LOCKFILE_INVALID',
      (text) => text.replaceAll('"version":"2.0"', '"version":"../../2.0"'),
    ],
    [
      'a group that is markup',
      'LOCKFILE_INVALID',
      (text) => text.replaceAll('"groupId":"com.acme"', '"groupId":"<x>"'),
    ],
    [
      'no lock file at all',
      'LOCKFILE_INVALID',
      () => '{"groupId":"a","artifactId":"b","version":"1","dependencies":[1],"mavenPlugins":[2]}',
    ],
  ])('%s', async (_name, code, change) => {
    await write(change);
    const expected = code === 'LOCKFILE_INVALID' ? /LOCKFILE_INVALID|JSON_UNEXPECTED/ : new RegExp(`^${code}$`);
    await expect(act()).rejects.toMatchObject({ code: expect.stringMatching(expected) });
  });

  test('another pom.xml than was locked', async () => {
    await write(undefined, { 'pom.xml': POM.replace('shop<', 'shop <') });
    await expect(act()).rejects.toMatchObject({
      code: 'LOCKFILE_OUTDATED',
      hint: expect.stringContaining('maven-lockfile'),
    });
  });
});

test.each([
  [{ group: 'a.b', artifact: 'c', version: '1', extension: 'jar' }, 'a/b/c/1/c-1.jar', 'pkg:maven/a.b/c@1'],
  [
    { group: 'a', artifact: 'c', version: '1+2', classifier: 'x86', extension: 'tar.gz' },
    'a/c/1+2/c-1+2-x86.tar.gz',
    'pkg:maven/a/c@1%2B2?classifier=x86&type=tar.gz',
  ],
])('coordinates %j', (item, path, purl) => {
  expect([repositoryPath(assertCoordinates(item)), mavenPurl(item)]).toEqual([path, purl]);
});
