import { existsSync, readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { parseFetchManifest } from '@paved/bom';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { availableMethods } from '@paved/sandbox/testing';
import { definition } from '../src/definition.js';
import { readBerryLock } from '../src/node/berry.js';
import { placePackages } from '../src/node/place-packages.js';
import { readPnpmLock } from '../src/node/pnpm.js';
import { readYarnLock } from '../src/node/yarn.js';
import { yarnZipSha512 } from '../src/node/yarn-zip.js';
import { run } from '../src/run.js';
import { type Registry, startNpmRegistry } from './npm-registry.js';
import { sampleProject } from './sample-project.js';
import { writeFiles } from './write-files.js';

const ready = (await availableMethods()).some(({ available }) => available);
const inSandbox = ready ? test : test.skip;

let host: TestContext;
let registry: Registry;
let locks: Readonly<Record<Kind, string>>;
type Kind = 'pnpm' | 'yarn' | 'berry';

const PACKAGE_JSON = JSON.stringify({
  name: 'sample',
  version: '1.0.0',
  dependencies: { '@acme/scoped': '^2.0.0', leaf: '^1.0.0', twig: 'npm:leaf@^1.0.0' },
  devDependencies: { tool: '^4.0.0' },
});

beforeEach(async () => {
  host = await testContext({ action: 'hermetic-build' });
  const { packages } = await sampleProject();
  registry = await startNpmRegistry(packages);
  const sriOf = (name: string, version: string) =>
    packages.find((item) => item.name === name && item.version === version)?.integrity ?? '';
  const [leaf, old] = [sriOf('leaf', '1.2.3'), sriOf('leaf', '0.9.0+build.5')];
  const [scoped, tool] = [sriOf('@acme/scoped', '2.0.0'), sriOf('tool', '4.0.0')];
  const zipOf = async (name: string, version: string) => {
    const path = join(host.temp, 'archive.tgz');
    await writeFile(path, packages.find((item) => item.name === name && item.version === version)?.bytes ?? '');
    return `10c0/${await yarnZipSha512(name, path, name)}`;
  };
  locks = {
    pnpm: `lockfileVersion: '9.0'
importers:
  .:
    dependencies:
      '@acme/scoped': { specifier: ^2.0.0, version: 2.0.0(leaf@1.2.3) }
      leaf: { specifier: ^1.0.0, version: 1.2.3 }
      twig: { specifier: npm:leaf@^1.0.0, version: leaf@1.2.3 }
    devDependencies:
      tool: { specifier: ^4.0.0, version: 4.0.0 }
packages:
  '@acme/scoped@2.0.0': { resolution: { integrity: ${scoped} }, hasBin: true }
  leaf@1.2.3: { resolution: { integrity: ${leaf} } }
  leaf@0.9.0+build.5: { resolution: { integrity: ${old} } }
  tool@4.0.0: { resolution: { integrity: ${tool} } }
snapshots:
  '@acme/scoped@2.0.0(leaf@1.2.3)': { dependencies: { leaf: 0.9.0+build.5 } }
  leaf@1.2.3: {}
  leaf@0.9.0+build.5: {}
  tool@4.0.0: {}
`,
    yarn: `# yarn lockfile v1


"@acme/scoped@^2.0.0":
  version "2.0.0"
  resolved "${registry.url}/@acme/scoped/-/scoped-2.0.0.tgz#abc"
  integrity ${scoped}
  dependencies:
    leaf "0.9.0"

leaf@0.9.0:
  version "0.9.0+build.5"
  resolved "${registry.url}/leaf/-/leaf-0.9.0+build.5.tgz#abc"
  integrity ${old}

leaf@^1.0.0, "twig@npm:leaf@^1.0.0":
  version "1.2.3"
  resolved "${registry.url}/leaf/-/leaf-1.2.3.tgz#abc"
  integrity ${leaf}

tool@^4.0.0:
  version "4.0.0"
  resolved "${registry.url}/tool/-/tool-4.0.0.tgz#abc"
  integrity ${tool}
`,
    berry: `__metadata:
  version: 8
  cacheKey: 10c0

"@acme/scoped@npm:^2.0.0":
  version: 2.0.0
  resolution: "@acme/scoped@npm:2.0.0"
  dependencies:
    leaf: "npm:0.9.0"
  checksum: ${await zipOf('@acme/scoped', '2.0.0')}

"leaf@npm:0.9.0":
  version: 0.9.0+build.5
  resolution: "leaf@npm:0.9.0+build.5"
  checksum: ${await zipOf('leaf', '0.9.0+build.5')}

"leaf@npm:^1.0.0, twig@npm:leaf@^1.0.0":
  version: 1.2.3
  resolution: "leaf@npm:1.2.3"
  checksum: ${await zipOf('leaf', '1.2.3')}

"sample@workspace:.":
  version: 0.0.0-use.local
  resolution: "sample@workspace:."
  dependencies:
    "@acme/scoped": "npm:^2.0.0"
    leaf: "npm:^1.0.0"
    tool: "npm:^4.0.0"
    twig: "npm:leaf@^1.0.0"

"tool@npm:^4.0.0":
  version: 4.0.0
  resolution: "tool@npm:4.0.0"
  checksum: ${await zipOf('tool', '4.0.0')}
`,
  };
});
afterEach(async () => {
  await registry.close();
  await host.dispose();
});

const FILES = { pnpm: 'pnpm-lock.yaml', yarn: 'yarn.lock', berry: 'yarn.lock' } as const;

async function act(kind: Kind, texts: Record<string, string> = {}) {
  const command =
    'mkdir out; { cat node_modules/leaf/package.json node_modules/twig/package.json; cat node_modules/@acme/scoped/node_modules/leaf/package.json; ls node_modules/.bin; } > out/seen; ls > out/files';
  const given = { 'source-path': host.workspace, lockfile: FILES[kind], 'registry-url': registry.url, command };
  return await run(await host.inputs(definition, { ...given, 'output-path': 'out', ...texts }), host.context);
}

describe.each(['pnpm', 'yarn', 'berry'] as const)('a lock file of %s', (kind) => {
  const write = (change = (text: string) => text, files: Record<string, string> = {}) =>
    writeFiles(host.workspace, { 'package.json': PACKAGE_JSON, [FILES[kind]]: change(locks[kind]), ...files });
  const fetchIt = () => act(kind, { phase: 'fetch', isolation: 'none' });

  test('is fetched as the same packages of npm', async () => {
    await write();
    const outputs = await fetchIt();
    const text = await readFile(join(outputs['record-path'] ?? '', 'fetch-manifest.json'), 'utf8');
    const manifest = parseFetchManifest(text);
    expect(manifest.lockfiles).toMatchObject([{ path: FILES[kind], kind: kind === 'berry' ? 'yarn' : kind }]);
    expect(manifest.packages).toMatchObject([
      { purl: 'pkg:npm/%40acme/scoped@2.0.0', dependencies: ['pkg:npm/leaf@0.9.0%2Bbuild.5'], direct: true },
      { purl: 'pkg:npm/leaf@0.9.0%2Bbuild.5', locations: ['node_modules/@acme/scoped/node_modules/leaf'] },
      { purl: 'pkg:npm/leaf@1.2.3', locations: ['node_modules/leaf', 'node_modules/twig'], scope: 'runtime' },
      { purl: 'pkg:npm/tool@4.0.0', scope: 'development' },
    ]);
  });

  inSandbox('is built without network, and no program or configuration of the repository runs before', async () => {
    await write(undefined, {
      '.npmrc': 'registry=https://example.invalid\nscript-shell=/build/evil.sh\n',
      '.pnpmfile.cjs': 'require("node:fs").writeFileSync("/build/pwned", "")\n',
      '.yarnrc': 'yarn-path "./evil.cjs"\n',
      '.yarnrc.yml': 'yarnPath: ./evil.cjs\nplugins:\n  - ./evil.cjs\n',
      'evil.cjs': 'require("node:fs").writeFileSync("/build/pwned", "")\n',
    });
    const outputs = await act(kind);
    const seen = await readFile(join(outputs['artifact-path'] ?? '', 'seen'), 'utf8');
    expect(seen.match(/"version":"[^"]*"/g)).toEqual([
      '"version":"1.2.3"',
      '"version":"1.2.3"',
      '"version":"0.9.0+build.5"',
    ]);
    expect(seen).toMatch(/scoped\ntool\n$/);
    expect(await readFile(join(outputs['artifact-path'] ?? '', 'files'), 'utf8')).not.toContain('pwned');
  });

  const changes: readonly [string, string, (text: string) => string][] = [
    [
      'one changed digest',
      'INTEGRITY_MISMATCH',
      (text) =>
        text
          .replace(/sha512-(.)/, (_all, first) => `sha512-${first === 'A' ? 'B' : 'A'}`)
          .replace(/10c0\/(.)/, (_all, first) => `10c0/${first === 'a' ? 'b' : 'a'}`),
    ],
    [
      'no digest',
      'INTEGRITY_MISSING',
      (text) =>
        text.replace(/ *(?:integrity|checksum):? (?:sha512-|10c0\/)[^\s,}]+/, kind === 'yarn' ? '  other x' : ''),
    ],
    ['another range in package.json', 'LOCKFILE_OUTDATED', (text) => text.replaceAll('^4.0.0', '^5.0.0')],
  ];
  test.each(changes)('is refused with %s: %s', async (_name, code, change) => {
    await write(change);
    await expect(fetchIt()).rejects.toMatchObject({ code, hint: expect.any(String) });
  });
});

describe('what cannot be laid out is refused with the cure', () => {
  const read = async (kind: Kind, text: string) => {
    await writeFiles(host.workspace, { 'package.json': PACKAGE_JSON });
    if (kind === 'pnpm') return placePackages(await readPnpmLock(text, host.workspace));
    if (kind === 'yarn') return placePackages(await readYarnLock(text, host.workspace));
    return placePackages(await readBerryLock(text, host.workspace, undefined));
  };
  const berryTool = (reference: string) => (text: string) => text.replace('"tool@npm:4.0.0"', `"tool@${reference}"`);
  test.each<[Kind, string, string, (text: string) => string]>([
    ['pnpm', 'version 6', 'LOCKFILE_VERSION', (text) => text.replace("'9.0'", "'6.0'")],
    [
      'pnpm',
      'a workspace without a folder',
      'LOCKFILE_OUTDATED',
      (text) => text.replace('packages:', '  other: {}\npackages:'),
    ],
    [
      'pnpm',
      'a workspace that leads out',
      'DEPENDENCY_OUTSIDE',
      (text) => text.replace('packages:', '  ../x: {}\npackages:'),
    ],
    [
      'pnpm',
      'a link that leads out',
      'DEPENDENCY_OUTSIDE',
      (text) => text.replace('version: 4.0.0 }', 'version: link:../x }'),
    ],
    [
      'pnpm',
      'git',
      'GIT_DEPENDENCY',
      (text) => text.replace(/(tool@4.0.0: \{ resolution: \{) [^}]*/, '$1 type: git, commit: abc, repo: r '),
    ],
    [
      'pnpm',
      'a copied folder',
      'LOCKFILE_KIND',
      (text) => text.replace(/(tool@4.0.0: \{ resolution: \{) [^}]*/, '$1 type: directory, directory: x '),
    ],
    ['pnpm', 'a missing package', 'LOCKFILE_INVALID', (text) => text.replace(/^ {2}tool@4.0.0: \{\}\n/m, '')],
    [
      'pnpm',
      'a name that leads out',
      'LOCKFILE_INVALID',
      (text) => text.replace('dependencies: { leaf: ', 'dependencies: { ../../x: '),
    ],
    [
      'yarn',
      'git',
      'GIT_DEPENDENCY',
      (text) => text.replace(/resolved ".*tool.*"/, 'resolved "git+https://example.invalid/tool.git#abc"'),
    ],
    [
      'yarn',
      'an archive that a forge makes',
      'GIT_DEPENDENCY',
      (text) => text.replace(/resolved ".*tool.*"/, 'resolved "https://codeload.github.com/a/tool/tar.gz/abc"'),
    ],
    ['yarn', 'a copied folder', 'LOCKFILE_INVALID', (text) => text.replace(/ {2}resolved ".*tool.*"\n/, '')],
    ['berry', 'git', 'GIT_DEPENDENCY', berryTool('https://example.invalid/tool.git#commit=abc')],
    ['berry', 'a repository by its short name', 'GIT_DEPENDENCY', berryTool('acme/tool#commit=abc')],
    ['berry', 'a copied folder', 'LOCKFILE_KIND', berryTool('file:./tool::locator=sample%40workspace%3A.')],
    [
      'berry',
      'a linked folder that leads out',
      'DEPENDENCY_OUTSIDE',
      berryTool('link:../tool::locator=sample%40workspace%3A.'),
    ],
    ['berry', 'a compressed zip', 'INTEGRITY_WEAK', (text) => text.replaceAll('10c0/', '10/')],
    ['berry', 'a compressed zip of an old yarn', 'INTEGRITY_WEAK', (text) => text.replaceAll('10c0/', '')],
    [
      'berry',
      'an unknown condition',
      'LOCKFILE_INVALID',
      (text) => text.replace('checksum:', 'conditions: moon=full\n  checksum:'),
    ],
    ['berry', 'a missing package', 'LOCKFILE_INVALID', (text) => text.slice(0, text.indexOf('"tool@npm:^4.0.0":'))],
    [
      'berry',
      'no project',
      'LOCKFILE_INVALID',
      (text) => text.replace('resolution: "sample@workspace:."', 'resolution: "sample@npm:1.0.0"'),
    ],
    [
      'berry',
      'a workspace that leads out',
      'DEPENDENCY_OUTSIDE',
      (text) => text.replace('resolution: "sample@workspace:."', 'resolution: "sample@workspace:../x"'),
    ],
  ])('%s: %s', async (kind, _name, code, change) => {
    await expect(read(kind, change(locks[kind]))).rejects.toMatchObject({ code, hint: expect.any(String) });
  });
});

const fixture = join(process.cwd(), '../shared/fixtures/lockfiles/pnpm-9-crates-io-auth/pnpm-lock.yaml');
const whenFixture = existsSync(fixture) ? test : test.skip;
whenFixture('places every package of a public project (skipped where ../shared/fixtures is absent)', async () => {
  const text = readFileSync(fixture, 'utf8');
  const specifiers = [
    ...text.slice(0, text.indexOf('\npackages:')).matchAll(/^ {6}'?([^\s']+?)'?:\n {8}specifier: (.*)$/gm),
  ];
  const devDependencies = Object.fromEntries(specifiers.map(([, name, range]) => [name, range]));
  await writeFiles(host.workspace, { 'package.json': JSON.stringify({ devDependencies }) });
  const { packages } = placePackages(await readPnpmLock(text, host.workspace));
  expect(new Set([...packages.values()].map(({ name, version }) => `${name}@${version}`)).size).toBe(266);
});
