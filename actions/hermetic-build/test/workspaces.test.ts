import { readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { availableMethods } from '@paved/sandbox/testing';
import { definition } from '../src/definition.js';
import { readBerryLock } from '../src/node/berry.js';
import { placePackages } from '../src/node/place-packages.js';
import { readPnpmLock } from '../src/node/pnpm.js';
import { findWorkspaces } from '../src/node/workspaces.js';
import { readYarnLock } from '../src/node/yarn.js';
import { cacheFile } from '../src/node/yarn-cache.js';
import { yarnZipSha512 } from '../src/node/yarn-zip.js';
import { run } from '../src/run.js';
import { type PublishedPackage, publish, type Registry, startNpmRegistry } from './npm-registry.js';
import { writeFiles } from './write-files.js';

const ready = (await availableMethods()).some(({ available }) => available);
const inSandbox = ready ? test : test.skip;

let host: TestContext;
let registry: Registry;
let leaf: PublishedPackage;
let old: PublishedPackage;
let zip: (item: PublishedPackage) => Promise<string>;

const PATCH = `diff --git a/index.js b/index.js
--- a/index.js
+++ b/index.js
@@ -1 +1 @@
-module.exports = "leaf";
+module.exports = "patched leaf";
`;

beforeEach(async () => {
  host = await testContext({ action: 'hermetic-build' });
  leaf = await publish({ name: 'leaf', version: '2.0.0', files: { 'index.js': 'module.exports = "leaf";\n' } });
  old = await publish({ name: 'leaf', version: '1.0.0', files: { 'index.js': 'module.exports = "old leaf";\n' } });
  registry = await startNpmRegistry([leaf, old]);
  zip = async ({ name, bytes }) => {
    const path = join(host.temp, 'archive.tgz');
    await writeFile(path, bytes);
    return `10c0/${await yarnZipSha512(name, path, name)}`;
  };
});
afterEach(async () => {
  await registry.close();
  await host.dispose();
});

type Kind = 'pnpm' | 'yarn' | 'berry';
const FILES = { pnpm: 'pnpm-lock.yaml', yarn: 'yarn.lock', berry: 'yarn.lock' } as const;
/** yarn 1 has neither the protocol nor patches. */
const own = (kind: Kind) => (kind === 'yarn' ? '^1.0.0' : 'workspace:*');
const PATCHED = 'patch:leaf@npm%3A2.0.0#~/patches/leaf.patch';
const leafRange = (kind: Kind) => (kind === 'berry' ? PATCHED : '2.0.0');

async function lockOf(kind: Kind): Promise<string> {
  switch (kind) {
    case 'pnpm':
      return `lockfileVersion: '9.0'
patchedDependencies:
  leaf@2.0.0: { hash: abc, path: patches/leaf.patch }
importers:
  .:
    dependencies:
      '@x/a': { specifier: 'workspace:*', version: link:packages/a }
  packages/a:
    dependencies:
      '@x/b': { specifier: 'workspace:*', version: link:../b }
      leaf: { specifier: 2.0.0, version: 2.0.0(patch_hash=abc) }
  packages/b:
    dependencies:
      leaf: { specifier: 1.0.0, version: 1.0.0 }
packages:
  leaf@1.0.0: { resolution: { integrity: ${old.integrity} } }
  leaf@2.0.0: { resolution: { integrity: ${leaf.integrity} } }
snapshots:
  leaf@1.0.0: {}
  leaf@2.0.0(patch_hash=abc): {}
`;
    case 'yarn':
      return `# yarn lockfile v1


leaf@1.0.0:
  version "1.0.0"
  resolved "${registry.url}${old.path}"
  integrity ${old.integrity}

leaf@2.0.0:
  version "2.0.0"
  resolved "${registry.url}${leaf.path}"
  integrity ${leaf.integrity}
`;
    case 'berry':
      return `__metadata:
  version: 8
  cacheKey: 10c0

"@x/a@workspace:*, @x/a@workspace:packages/a":
  version: 0.0.0-use.local
  resolution: "@x/a@workspace:packages/a"
  dependencies:
    "@x/b": "workspace:*"
    leaf: "${PATCHED}"

"@x/b@workspace:*, @x/b@workspace:packages/b":
  version: 0.0.0-use.local
  resolution: "@x/b@workspace:packages/b"
  dependencies:
    leaf: "npm:1.0.0"

"leaf@npm:1.0.0":
  version: 1.0.0
  resolution: "leaf@npm:1.0.0"
  checksum: ${await zip(old)}

"leaf@npm:2.0.0":
  version: 2.0.0
  resolution: "leaf@npm:2.0.0"
  checksum: ${await zip(leaf)}

"leaf@${PATCHED}":
  version: 2.0.0
  resolution: "leaf@${PATCHED}::version=2.0.0&hash=abc"
  checksum: 10c0/${'0'.repeat(128)}

"root@workspace:.":
  version: 0.0.0-use.local
  resolution: "root@workspace:."
  dependencies:
    "@x/a": "workspace:*"
`;
  }
}

async function write(kind: Kind, files: Readonly<Record<string, string>> = {}): Promise<void> {
  const manifest = (name: string, more: object) => JSON.stringify({ name, version: '1.0.0', ...more });
  await writeFiles(host.workspace, {
    'package.json': manifest('root', { workspaces: ['packages/*'], dependencies: { '@x/a': own(kind) } }),
    'packages/a/package.json': manifest('@x/a', { dependencies: { '@x/b': own(kind), leaf: leafRange(kind) } }),
    'packages/a/index.js': 'module.exports = `${require("@x/b")}, ${require("leaf")}`;\n',
    'packages/b/package.json': manifest('@x/b', { bin: { bcmd: 'cli.js' }, dependencies: { leaf: '1.0.0' } }),
    'packages/b/index.js': 'module.exports = require("leaf");\n',
    'packages/b/cli.js': '#!/bin/sh\necho ran\n',
    'patches/leaf.patch': PATCH,
    [FILES[kind]]: await lockOf(kind),
    ...files,
  });
}

async function build(kind: Kind): Promise<string> {
  const command = 'mkdir out; { node -p "require(\'@x/a\')"; node_modules/.bin/bcmd; } > out/seen';
  const given = { 'source-path': host.workspace, lockfile: FILES[kind], 'registry-url': registry.url, command };
  const outputs = await run(await host.inputs(definition, { ...given, 'output-path': 'out' }), host.context);
  return await readFile(join(outputs['artifact-path'] ?? '', 'seen'), 'utf8');
}

describe.each(['pnpm', 'yarn', 'berry'] as const)('workspaces of %s', (kind) => {
  inSandbox('see each other and each its own version, patched where the lock file says so', async () => {
    await write(kind);
    expect(await build(kind)).toBe(`old leaf, ${kind === 'yarn' ? 'leaf' : 'patched leaf'}\nran\n`);
  });

  test('must fit the lock file, each of them', async () => {
    await write(kind, {
      'packages/b/package.json': '{"name":"@x/b","version":"1.0.0","dependencies":{"leaf":"^3.0.0"}}',
    });
    await expect(build(kind)).rejects.toMatchObject({
      code: 'LOCKFILE_OUTDATED',
      message: expect.stringContaining('packages/b/package.json'),
    });
  });
});

test.each(['pnpm', 'berry'] as const)(
  '%s: a patch that fits nothing, or is not there, refuses the build',
  async (kind) => {
    await write(kind, { 'patches/leaf.patch': PATCH.replace('-module', '-modul') });
    const given = { 'source-path': host.workspace, lockfile: FILES[kind], 'registry-url': registry.url };
    const more = { isolation: 'none', command: 'true', 'output-path': 'out' };
    const inputs = await host.inputs(definition, { ...given, ...more });
    await expect(run(inputs, host.context)).rejects.toMatchObject({ code: 'PATCH_FAILED' });
  },
);

test.each(['pnpm', 'yarn', 'berry'] as const)(
  '%s: nothing is installed through a workspace that is a link',
  async (kind) => {
    await write(kind);
    const { rm } = await import('node:fs/promises');
    await rm(join(host.workspace, 'packages/b'), { recursive: true });
    await symlink(host.temp, join(host.workspace, 'packages/b'));
    await expect(build(kind)).rejects.toMatchObject({ code: expect.stringMatching(/SOURCE_UNSAFE|LOCKFILE_OUTDATED/) });
  },
);

describe('yarn 2 and later', () => {
  inSandbox(
    'a yarn of the repository finds a cache with the zips that it has locked, and is told to stay offline',
    async () => {
      await write('berry');
      const command = `mkdir out
cd "$YARN_CACHE_FOLDER" && sha512sum *.zip > /build/out/sums && touch writable.zip
env | grep ^YARN_ENABLE | sort > /build/out/env`;
      const given = { 'source-path': host.workspace, lockfile: 'yarn.lock', 'registry-url': registry.url, command };
      const outputs = await run(await host.inputs(definition, { ...given, 'output-path': 'out' }), host.context);
      const seen = (name: string) => readFile(join(outputs['artifact-path'] ?? '', name), 'utf8');
      const lock = await lockOf('berry');
      const sums = (await seen('sums')).trim().split('\n');
      expect(sums).toHaveLength(2);
      for (const line of sums) {
        const [, sum = '', name = ''] = /^(\w+) +(.*)$/.exec(line) ?? [];
        expect(lock).toContain(`10c0/${sum}`);
        expect(name).toMatch(new RegExp(`^leaf-npm-[12]\\.0\\.0-[0-9a-f]{10}-${sum.slice(0, 10)}\\.zip$`));
      }
      expect(await seen('env')).toContain('YARN_ENABLE_NETWORK=false');
    },
  );

  test.each([
    ['@esbuild/linux-x64@npm:0.21.5', undefined, '@esbuild-linux-x64-npm-0.21.5-88079726c4-10c0.zip'],
    ['accepts@npm:1.3.8', '10c0/3a35c5f5586cfb9a', 'accepts-npm-1.3.8-9a812371c9-3a35c5f558.zip'],
  ])('%s has the file name that yarn 4.18.1 gives it', (locator, checksum, name) => {
    expect(cacheFile(locator, checksum, '10c0')).toBe(name);
  });

  const graph = async (change: (text: string) => string, files: Record<string, string> = {}, integrity?: string) => {
    await write('berry', files);
    const text = change(await lockOf('berry'));
    return await readBerryLock(text, host.workspace, integrity);
  };

  test('its own patches, which are for its PnP alone, change nothing', async () => {
    const builtin = (text: string) => text.replaceAll('#~/patches/leaf.patch', '#optional!builtin<compat/leaf>');
    const files = {
      'packages/a/package.json': JSON.stringify({
        name: '@x/a',
        dependencies: { '@x/b': 'workspace:*', leaf: PATCHED.replace(/#.*/, '#optional!builtin<compat/leaf>') },
      }),
    };
    const { packages } = await graph(builtin, files);
    const patched = [...packages].find(([id]) => id.includes('builtin'))?.[1];
    expect(patched).toMatchObject({ name: 'leaf', version: '2.0.0' });
    expect(patched?.entry.patches).toBeUndefined();
  });

  test('a package of one platform has no checksum of yarn, and the integrity of a file beside it', async () => {
    const bare = (text: string) =>
      text.replace(
        /(resolution: "leaf@npm:1.0.0"\n) {2}checksum: .*\n/,
        '$1  conditions: os=linux & (cpu=x64 | cpu=arm64)\n',
      );
    const without = await graph(bare);
    expect(without.packages.get('leaf@npm:1.0.0')?.entry).toMatchObject({ os: ['linux'], cpu: ['x64', 'arm64'] });
    expect(without.packages.get('leaf@npm:1.0.0')?.entry).not.toHaveProperty('zipChecksum');
    expect(without.packages.get('leaf@npm:1.0.0')?.entry).not.toHaveProperty('integrity');
    const { packages } = await graph(bare, {}, JSON.stringify({ 'leaf@1.0.0': old.integrity }));
    expect(packages.get('leaf@npm:1.0.0')?.entry).toMatchObject({ integrity: old.integrity });
  });

  test.each([
    ['leaf', '1.0.0'],
    ['@x/b/leaf', 'npm:1.0.0'],
    ['leaf@^9.0.0', '1.0.0'],
    ['**/leaf', '1.0.0'],
  ])('resolutions: %s to %s', async (key, range) => {
    const files = {
      'package.json': JSON.stringify({
        name: 'root',
        dependencies: { '@x/a': 'workspace:*' },
        resolutions: { [key]: range },
      }),
      'packages/b/package.json': '{"name":"@x/b","dependencies":{"leaf":"^9.0.0"}}',
      'packages/a/package.json': '{"name":"@x/a","dependencies":{"@x/b":"workspace:*"}}',
    };
    const change = (text: string) =>
      text.replace('    leaf: "npm:1.0.0"', '    leaf: "npm:^9.0.0"').replace(`    leaf: "${PATCHED}"\n`, '');
    const { importers } = await graph(change, files);
    expect(importers.find(({ folder }) => folder === 'packages/b')?.runtime.get('leaf')).toBe('leaf@npm:1.0.0');
  });
});

describe('folders of workspaces', () => {
  test.each<[readonly string[], readonly string[]]>([
    [['packages/*'], ['packages/a', 'packages/b']],
    [['./packages/a/'], ['packages/a']],
    [['packages/**'], ['packages/a', 'packages/b', 'packages/b/deep/c']],
    [
      ['**', '!packages/b'],
      ['packages/a', 'packages/b/deep/c'],
    ],
    [['packages/?'], []],
    [['*/b*'], ['packages/b']],
    [['../*', '/tmp/*'], []],
  ])('%j', async (patterns, folders) => {
    await write('yarn', { 'packages/b/deep/c/package.json': '{}', 'packages/node_modules/d/package.json': '{}' });
    const found = await findWorkspaces(host.workspace, patterns);
    expect(found.map(({ folder }) => folder)).toEqual(folders);
  });
});

test('a workspace inside another one finds what lies above it', async () => {
  await write('yarn', {
    'package.json': '{"name":"root","workspaces":["packages/**"],"dependencies":{"leaf":"2.0.0"}}',
    'packages/a/package.json': '{"name":"@x/a","version":"1.0.0","dependencies":{"leaf":"1.0.0"}}',
    'packages/a/in/package.json': '{"name":"@x/in","version":"1.0.0","dependencies":{"leaf":"1.0.0"}}',
  });
  const { packages } = placePackages(await readYarnLock(await lockOf('yarn'), host.workspace));
  expect([...packages].map(([key, { version }]) => `${key} ${version}`)).toEqual([
    'node_modules/leaf 2.0.0',
    'packages/a/node_modules/leaf 1.0.0',
    'packages/b/node_modules/leaf 1.0.0',
  ]);
  expect(placePackages(await readPnpmLock(await lockOf('pnpm'), await pnpmWorkspace())).links.size).toBe(2);
});

async function pnpmWorkspace(): Promise<string> {
  await write('pnpm');
  return host.workspace;
}
