import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type FetchedPackage, packageIdOf, parseFetchManifest } from '@paved/bom';
import { sha256 } from '@paved/digest';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { definition } from '../src/definition.js';
import { findingsOfArchive } from '../src/dry/finding.js';
import { NO_TRAITS } from '../src/dry/scan-archive.js';
import { originOf } from '../src/fetch/package-origin.js';
import { run } from '../src/run.js';
import { publish, type Registry, startNpmRegistry } from './npm-registry.js';
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

async function fetched(texts: Record<string, string> = {}) {
  const common = { phase: 'fetch', isolation: 'none', 'source-path': host.workspace };
  const given = { ...common, 'registry-url': registry.url, ...texts };
  const outputs = await run(await host.inputs(definition, given), host.context);
  return parseFetchManifest(await readFile(join(outputs['record-path'] ?? '', 'fetch-manifest.json'), 'utf8'));
}

function entry(key: string): Record<string, unknown> {
  const found = project.lock[key];
  if (found === undefined) throw new Error(`the sample has no ${key}`);
  return found;
}

describe('an archive of somebody else under the name and version of a package', () => {
  test('is listed with the address that it came from, and said', async () => {
    const liar = await publish({ name: 'tool', version: '4.0.0', files: { 'evil.js': '' } });
    const elsewhere = await startNpmRegistry([{ ...liar, path: '/assets/1' }]);
    try {
      Object.assign(entry('node_modules/tool'), {
        integrity: liar.integrity,
        resolved: `${elsewhere.url.replace('://', '://user:canary@')}/assets/1`,
      });
      await writeProject(host.workspace, project);
      const { packages } = await fetched({ 'private-hosts': new URL(elsewhere.url).host });
      const tool = packages.find(({ name }) => name === 'tool');
      expect(decodeURIComponent(tool?.purl ?? '')).toBe(`pkg:npm/tool@4.0.0?download_url=${elsewhere.url}/assets/1`);
      expect(packageIdOf(tool?.purl ?? '')).toEqual({ ecosystem: 'npm', name: 'tool', version: '4.0.0' });
      expect(packages.filter(({ purl }) => purl.includes('?'))).toHaveLength(1);
      expect(host.lines.filter((line) => line.includes('Not from where the registry has them')).join()).toContain(
        'tool@4.0.0',
      );
    } finally {
      await elsewhere.close();
    }
  });

  test('is listed with its file when it is committed', async () => {
    const leaf = project.packages.find(({ name, version }) => name === 'leaf' && version === '1.2.3');
    entry('node_modules/leaf').resolved = 'file:vendor/leaf.tgz';
    await writeProject(host.workspace, project, { 'vendor/.keep': '' });
    await writeFile(join(host.workspace, 'vendor/leaf.tgz'), leaf?.bytes ?? '');
    const { packages } = await fetched();
    const purls = packages.flatMap(({ purl, dependencies }) => [purl, ...dependencies]);
    const ofLeaf = purls.filter((purl) => purl.startsWith('pkg:npm/leaf@1.2.3'));
    expect(new Set(ofLeaf.map(decodeURIComponent))).toEqual(new Set(['pkg:npm/leaf@1.2.3?file_name=vendor/leaf.tgz']));
  });
});

describe('the origin of a package', () => {
  const locked = (resolved?: string, name = 'lodash', version = '4.17.21') => ({
    ...{ key: `node_modules/${name}`, name, version },
    entry: resolved === undefined ? {} : { resolved },
  });
  const chosen = new URL('https://npm.acme.example/mirror/');
  const known = new Set(['https://npm.public.example', 'https://yarn.public.example'].map((origin) => sha256(origin)));

  test.each<readonly [string | undefined, URL | undefined]>([
    [undefined, undefined],
    ['https://npm.public.example/lodash/-/lodash-4.17.21.tgz', undefined],
    ['https://yarn.public.example/lodash/-/lodash-4.17.21.tgz', undefined],
    ['https://old.acme.example/lodash/-/lodash-4.17.21.tgz', chosen],
  ])('%s is the registry’s', (resolved, registryUrl) => {
    expect(originOf(locked(resolved), registryUrl, known)).toBeUndefined();
  });

  test.each<readonly [string, URL | undefined]>([
    ['https://evil.example/lodash/-/lodash-4.17.21.tgz', undefined],
    ['https://npm.public.example/lodahs/-/lodahs-4.17.21.tgz', undefined],
    ['https://npm.public.example/lodash/-/lodash-4.17.20.tgz', undefined],
    ['https://npm.public.example/x/lodash/-/lodash-4.17.21.tgz', undefined],
    ['https://npm.public.example.evil.example/lodash/-/lodash-4.17.21.tgz', undefined],
    ['http://npm.public.example/lodash/-/lodash-4.17.21.tgz', undefined],
    ['https://npm.acme.example/mirror/other/-/other-1.0.0.tgz', chosen],
    ['https://npm.acme.example/%zz', chosen],
  ])('%s is an address of its own', (resolved, registryUrl) => {
    expect(originOf(locked(resolved), registryUrl, known)).toEqual({ download_url: resolved });
  });

  test('fits a package URL, however long it is', () => {
    const origin = originOf(locked(`https://evil.example/${'é'.repeat(2000)}`), undefined);
    expect(origin).toEqual({ download_url: 'https://evil.example' });
  });
});

describe('a name or version that is a path', () => {
  test.each([
    { name: '../../other-tenant/private' },
    { name: '@../private' },
    { name: '@acme/..' },
    { name: 'tool?x=' },
    { name: 'tool#' },
    { name: 'tool\n::error::evil' },
    { name: 'a%2f..%2f..' },
    { name: 'tool;curl' },
    { name: 'tool$IFS' },
    { name: 'tool"&id' },
    { name: '.tool' },
    { version: '4.0.0/../../../private' },
    { version: '4.0.0\n' },
    { version: '..' },
  ])('%j asks for nothing', async (change) => {
    Object.assign(entry('node_modules/tool'), change);
    await writeProject(host.workspace, project);
    await expect(fetched()).rejects.toMatchObject({ code: 'LOCKFILE_INVALID' });
    expect(registry.requests).toEqual([]);
  });
});

describe('a package inside the archive of another one', () => {
  const INNER = 'node_modules/carrier/node_modules/inner';

  test.each<readonly [string, () => void]>([
    ['another version', () => Object.assign(entry(INNER), { version: '1.0.1' })],
    ['another name', () => Object.assign(entry(INNER), { name: 'outer' })],
    [
      'another place',
      () => {
        project.lock['node_modules/carrier/node_modules/@x/inner'] = entry(INNER);
        delete project.lock[INNER];
        Object.assign(entry('node_modules/carrier'), { dependencies: { '@x/inner': '1.0.0' } });
      },
    ],
  ])('is what the lock file says: %s', async (_name, change) => {
    change();
    await writeProject(host.workspace, project);
    await expect(fetched()).rejects.toMatchObject({ code: 'PACKAGE_MISMATCH' });
  });

  test.each<readonly [boolean]>([[true], [false]])(
    'that nobody can read is no package (locked: %s)',
    async (isLocked) => {
      const files = { 'node_modules/inner/package.json': '{' };
      const broken = await publish({ name: 'carrier', version: '3.0.0', files });
      registry.replace(broken.path, broken.bytes);
      Object.assign(entry('node_modules/carrier'), { integrity: broken.integrity });
      if (!isLocked) {
        delete project.lock[INNER];
        Object.assign(entry('node_modules/carrier'), { dependencies: {} });
      }
      await writeProject(host.workspace, project);
      if (isLocked) await expect(fetched()).rejects.toMatchObject({ code: 'PACKAGE_MISMATCH' });
      else expect((await fetched()).packages.map(({ name }) => name)).not.toContain('inner');
    },
  );

  test('is said when the lock file is silent about it', async () => {
    delete project.lock[INNER];
    Object.assign(entry('node_modules/carrier'), { dependencies: {} });
    await writeProject(host.workspace, project);
    await fetched();
    expect(host.lines.join('\n')).toContain('in no lock file: inner@1.0.0 in carrier@3.0.0');
  });
});

test('advice never has a name in it that a shell would read', () => {
  const traits = { ...NO_TRAITS, scripts: new Map([['install', 'node x']]) };
  const item = { purl: 'pkg:npm/x@1', ecosystem: 'npm' } as FetchedPackage;
  const cures = (name: string) => findingsOfArchive({ ...item, name }, traits).map(({ cure }) => cure);
  expect(cures("it's(a)").join()).not.toContain("it's");
  expect(cures('@acme/tool').join()).toContain('npm rebuild @acme/tool');
});
