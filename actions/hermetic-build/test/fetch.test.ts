import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { canonicalPurl, parseFetchManifest, purlOf } from '@paved/bom';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { definition } from '../src/definition.js';
import { npmPurl } from '../src/lockfile/purl.js';
import { run } from '../src/run.js';
import { type PublishedPackage, publish, type Registry, sri, startNpmRegistry } from './npm-registry.js';
import { type SampleProject, sampleProject, writeProject } from './sample-project.js';

let host: TestContext;
let project: SampleProject;
let registry: Registry;

beforeEach(async () => {
  host = await testContext({ action: 'hermetic-build' });
  project = await sampleProject();
  registry = await startNpmRegistry(project.packages);
});
afterEach(async () => {
  await registry.close();
  await host.dispose();
});

async function fetchIt(texts: Record<string, string> = {}) {
  const given = { phase: 'fetch', isolation: 'none', 'source-path': host.workspace, 'registry-url': registry.url };
  return await run(await host.inputs(definition, { ...given, ...texts }), host.context);
}

async function manifestOf(outputs: Awaited<ReturnType<typeof fetchIt>>) {
  return parseFetchManifest(await readFile(join(outputs['record-path'] ?? '', 'fetch-manifest.json'), 'utf8'));
}

describe('the fetch phase', () => {
  test('writes a manifest that the bom package reads, with every fact of the lock file', async () => {
    await writeProject(host.workspace, project);
    const outputs = await fetchIt();
    const manifest = await manifestOf(outputs);
    const facts = manifest.packages.map(({ purl, direct, scope, licence, dependencies, locations }) => ({
      purl,
      direct,
      scope,
      licence,
      dependencies,
      locations,
    }));
    expect(manifest.source).toEqual({ repository: 'octo/app', sha: 'a'.repeat(40), path: '.' });
    expect(manifest.root).toEqual({
      name: 'sample',
      version: '1.0.0',
      purl: 'pkg:npm/sample@1.0.0',
      licence: 'Apache-2.0',
    });
    expect(facts).toMatchSnapshot();
  });

  test('stores each archive once under its sha512, and never the one of another platform', async () => {
    await writeProject(host.workspace, project);
    const outputs = await fetchIt();
    const files = await readdir(outputs['bundle-path'] ?? '');
    for (const name of files) {
      const bytes = await readFile(join(outputs['bundle-path'] ?? '', name));
      expect(name).toBe(`${createHash('sha512').update(bytes).digest('hex')}.tgz`);
    }
    expect(files).toHaveLength(6);
    expect(registry.requests.filter((line) => line.includes('native-there'))).toEqual([]);
    expect(registry.requests.filter((line) => line.endsWith('/leaf-1.2.3.tgz'))).toHaveLength(1);
  });

  test('says which install scripts it did not run', async () => {
    await writeProject(host.workspace, project);
    await fetchIt();
    expect(host.lines.filter((line) => line.startsWith('::notice::Install scripts'))[0]).toContain(
      '@acme/scoped@2.0.0',
    );
  });

  test('takes the registry from "resolved" when none is given, and replaces that host when one is', async () => {
    for (const item of project.packages) {
      const entries = Object.values(project.lock).filter((entry) => entry.integrity === item.integrity);
      for (const entry of entries) entry.resolved = `${registry.url}${item.path}`;
    }
    await writeProject(host.workspace, project);
    await fetchIt({ 'registry-url': '', 'private-hosts': new URL(registry.url).host });
    const other = await startNpmRegistry(project.packages);
    await fetchIt({ 'registry-url': other.url });
    await other.close();
    expect([...other.requests].sort()).toEqual([...registry.requests].sort());
  });

  test('takes a tarball that is committed in the tree', async () => {
    const leaf = find('leaf', '1.2.3');
    entry('node_modules/leaf').resolved = 'file:vendor/leaf.tgz';
    entry('node_modules/twig').resolved = 'file:vendor/leaf.tgz';
    await writeProject(host.workspace, project, { 'vendor/.keep': '' });
    await writeFile(join(host.workspace, 'vendor/leaf.tgz'), leaf.bytes);
    await fetchIt();
    expect(registry.requests.join()).not.toContain('leaf-1.2.3');
  });

  test('refuses a changed archive and leaves no trace of it', async () => {
    await writeProject(host.workspace, project);
    const leaf = find('leaf', '1.2.3');
    const changed = Buffer.from(leaf.bytes);
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    registry.replace(leaf.path, changed);
    await expect(fetchIt()).rejects.toMatchObject({ code: 'INTEGRITY_MISMATCH' });
  });

  test('refuses one changed digest in the lock file', async () => {
    const wrong = sri(Buffer.from('other'));
    entry('node_modules/tool').integrity = wrong;
    await writeProject(host.workspace, project);
    await expect(fetchIt()).rejects.toMatchObject({ code: 'INTEGRITY_MISMATCH' });
  });

  test('refuses an archive that says it is another package', async () => {
    const liar = await publish({ name: 'tool', version: '4.0.0', manifest: { name: 'mask' } });
    entry('node_modules/tool').integrity = liar.integrity;
    registry.replace(liar.path, liar.bytes);
    await writeProject(host.workspace, project);
    await expect(fetchIt()).rejects.toMatchObject({ code: 'PACKAGE_MISMATCH' });
  });

  test('refuses a commit that is not the run’s', async () => {
    await writeProject(host.workspace, project, { '.git/HEAD': `${'b'.repeat(40)}\n` });
    await expect(fetchIt()).rejects.toMatchObject({ code: 'SOURCE_MISMATCH' });
    await writeFile(join(host.workspace, '.git/HEAD'), `${'a'.repeat(40)}\n`);
    await expect(fetchIt()).resolves.toBeDefined();
  });

  const refusals: [string, string, (lock: Record<string, Record<string, unknown>>) => void][] = [
    [
      'a git dependency',
      'GIT_DEPENDENCY',
      (lock) => set(lock, 'node_modules/leaf', { resolved: 'git+ssh://git@host/x.git#abc' }),
    ],
    [
      'a git dependency without version',
      'GIT_DEPENDENCY',
      (lock) => {
        lock['node_modules/leaf'] = { resolved: 'git+https://host/x.git#abc' };
      },
    ],
    ['no integrity', 'INTEGRITY_MISSING', (lock) => set(lock, 'node_modules/leaf', { integrity: '' })],
    [
      'sha1 alone',
      'INTEGRITY_WEAK',
      (lock) => set(lock, 'node_modules/leaf', { integrity: sri(Buffer.from(''), 'sha1') }),
    ],
    [
      'a malformed integrity',
      'LOCKFILE_INVALID',
      (lock) => set(lock, 'node_modules/leaf', { integrity: 'sha512-AAAA' }),
    ],
    [
      'plain http',
      'DEPENDENCY_INSECURE',
      (lock) => set(lock, 'node_modules/leaf', { resolved: 'http://example.invalid/x.tgz' }),
    ],
    ['a file outside', 'DEPENDENCY_OUTSIDE', (lock) => set(lock, 'node_modules/leaf', { resolved: 'file:../x.tgz' })],
    ['a link outside', 'DEPENDENCY_OUTSIDE', (lock) => set(lock, 'node_modules/@sample/part', { resolved: '../part' })],
    [
      'a key outside',
      'DEPENDENCY_OUTSIDE',
      (lock) => {
        lock['../node_modules/leaf'] = { ...lock['node_modules/leaf'] };
      },
    ],
    [
      'a dot segment in a key',
      'DEPENDENCY_OUTSIDE',
      (lock) => {
        lock['node_modules/x/../../../y/node_modules/leaf'] = { ...lock['node_modules/leaf'] };
      },
    ],
    [
      'a required package of another platform',
      'PLATFORM_MISMATCH',
      (lock) => set(lock, 'node_modules/leaf', { os: ['aix'] }),
    ],
    [
      'a missing package',
      'LOCKFILE_INVALID',
      (lock) => {
        delete lock['node_modules/leaf'];
        delete lock['node_modules/twig'];
      },
    ],
    [
      'a package.json that the lock file does not fit',
      'LOCKFILE_OUTDATED',
      (lock) => set(lock, '', { devDependencies: {} }),
    ],
    [
      'a workspace that the lock file does not fit',
      'LOCKFILE_OUTDATED',
      (lock) => set(lock, 'packages/part', { dependencies: {} }),
    ],
  ];
  test.each(refusals)('refuses %s with %s and a cure', async (_name, code, change) => {
    change(project.lock);
    await writeProject(host.workspace, project);
    await expect(fetchIt()).rejects.toMatchObject({ code, hint: expect.any(String) });
    expect(registry.requests).toEqual([]);
  });

  test('refuses a lock file of version 1 with the cure, and an absent one', async () => {
    await writeProject(host.workspace, project, { 'package-lock.json': '{"lockfileVersion":1,"dependencies":{}}' });
    await expect(fetchIt()).rejects.toMatchObject({
      code: 'LOCKFILE_VERSION',
      hint: expect.stringContaining('npm install --lockfile-version 3'),
    });
    await expect(fetchIt({ lockfile: 'other.json' })).rejects.toMatchObject({ code: 'LOCKFILE_MISSING' });
  });
});

describe('package URLs', () => {
  test.each([
    ['@acme/scoped', '2.0.0', 'pkg:npm/%40acme/scoped@2.0.0'],
    ['leaf', '0.9.0+build.5', 'pkg:npm/leaf@0.9.0%2Bbuild.5'],
    ['UPPER', '1.0.0-rc.1', undefined],
  ])('%s %s as the bom package writes it', (name, version, expected) => {
    const purl = npmPurl(name, version);
    expect(purl).toBe(purlOf('npm', name, version));
    expect(purl).toBe(canonicalPurl(purl));
    if (expected !== undefined) expect(purl).toBe(expected);
  });
});

function find(name: string, version: string): PublishedPackage {
  const found = project.packages.find((item) => item.name === name && item.version === version);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
}

function entry(key: string): Record<string, unknown> {
  const found = project.lock[key];
  if (found === undefined) throw new Error(`no ${key}`);
  return found;
}

function set(lock: Record<string, Record<string, unknown>>, key: string, change: Record<string, unknown>): void {
  lock[key] = { ...lock[key], ...change };
}
