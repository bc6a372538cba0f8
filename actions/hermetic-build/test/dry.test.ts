import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { definition } from '../src/definition.js';
import { run } from '../src/run.js';
import { startFileServer } from './file-server.js';
import { mavenSample, POM } from './maven-sample.js';
import { publish, type Registry, startNpmRegistry } from './npm-registry.js';
import { writeFiles } from './write-files.js';
import { zipArchive } from './zip-archive.js';

let host: TestContext;
let registry: Registry | undefined;
beforeEach(async () => {
  host = await testContext({ action: 'hermetic-build' });
});
afterEach(async () => {
  await registry?.close();
  registry = undefined;
  await host.dispose();
});

async function findings(texts: Record<string, string> = {}) {
  const given = { phase: 'dry', 'source-path': host.workspace, ...texts };
  const outputs = await run(await host.inputs(definition, given), host.context);
  return JSON.parse(await readFile(outputs['findings-path'] ?? '', 'utf8'));
}

async function project(entries: Record<string, Record<string, unknown>>) {
  const names = Object.keys(entries).map((key) => key.slice('node_modules/'.length));
  const manifest = {
    name: 'app',
    version: '1.0.0',
    dependencies: Object.fromEntries(names.map((name) => [name, '*'])),
  };
  const lock = { lockfileVersion: 3, packages: { '': manifest, ...entries } };
  await writeFiles(host.workspace, {
    'package.json': JSON.stringify(manifest),
    'package-lock.json': JSON.stringify(lock),
  });
}

describe('dry mode', () => {
  test('says which packages download, run scripts or bring compiled code, and is otherwise silent', async () => {
    const plain = await publish({ name: 'plain', version: '1.0.0' });
    const script = await publish({
      name: 'script',
      version: '1.0.0',
      manifest: { scripts: { postinstall: 'node say.js' } },
    });
    const loads = await publish({
      name: 'loads',
      version: '1.0.0',
      manifest: { scripts: { install: 'prebuild-install || node-gyp rebuild' } },
    });
    const native = await publish({
      name: 'native',
      version: '1.0.0',
      files: { 'prebuilds/linux-x64/native.node': 'ELF', 'binding.gyp': '{}' },
    });
    const all = [plain, script, loads, native];
    registry = await startNpmRegistry(all);
    await project(
      Object.fromEntries(all.map(({ name, version, integrity }) => [`node_modules/${name}`, { version, integrity }])),
    );
    const document = await findings({ 'registry-url': registry.url });
    expect(document.breaks).toBe(1);
    expect(
      document.findings.map((item: { code: string; package: string; breaks: boolean }) => [
        item.code,
        item.package,
        item.breaks,
      ]),
    ).toEqual([
      ['INSTALL_DOWNLOAD', 'pkg:npm/loads@1.0.0', true],
      ['PREBUILT_BINARY', 'pkg:npm/native@1.0.0', false],
      ['BUILD_CODE', 'pkg:npm/native@1.0.0', false],
      ['INSTALL_SCRIPT', 'pkg:npm/script@1.0.0', false],
    ]);
    for (const { cure } of document.findings) expect(cure.length).toBeGreaterThan(20);
    expect(await host.summary()).toContain('prebuild-install');
  });

  test('lists every package without a digest or from git, and asks for nothing', async () => {
    await project({
      'node_modules/a': { version: '1.0.0' },
      'node_modules/b': { version: '1.0.0', integrity: 'sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=' },
      'node_modules/c': { version: '1.0.0', resolved: 'git+ssh://git@example.invalid/c.git#abc' },
    });
    const document = await findings();
    expect(document.findings.map(({ code }: { code: string }) => code)).toEqual([
      'INTEGRITY_MISSING',
      'INTEGRITY_WEAK',
      'GIT_DEPENDENCY',
    ]);
  });

  test.each([
    ['nothing there', 'package-lock.json', 'LOCKFILE_MISSING'],
    ['an unknown kind', 'build.gradle', 'LOCKFILE_KIND'],
  ])('does not fail on %s', async (_name, lockfile, code) => {
    expect(await findings({ lockfile })).toMatchObject({ breaks: 1, findings: [{ code, cure: expect.any(String) }] });
  });

  test('knows a program by its first bytes, not by its name alone', async () => {
    const extra = [
      { name: 'package/bin/tool', text: '\u007fELF and more', mode: 0o755 },
      { name: 'package/bin/script', text: '#!/bin/sh\n', mode: 0o755 },
    ];
    const tool = await publish({ name: 'tool', version: '1.0.0', extra });
    registry = await startNpmRegistry([tool]);
    await project({ 'node_modules/tool': { version: '1.0.0', integrity: tool.integrity } });
    const document = await findings({ 'registry-url': registry.url });
    expect(document.findings).toMatchObject([{ code: 'PREBUILT_BINARY', detail: 'it holds compiled code: bin/tool' }]);
  });

  test('names packages that are known to download, whatever their script says', async () => {
    const cypress = await publish({
      name: 'cypress',
      version: '1.0.0',
      manifest: { scripts: { postinstall: 'node i.js' } },
    });
    registry = await startNpmRegistry([cypress]);
    await project({ 'node_modules/cypress': { version: '1.0.0', integrity: cypress.integrity } });
    const document = await findings({ 'registry-url': registry.url });
    expect(document.findings).toMatchObject([
      { code: 'INSTALL_DOWNLOAD', breaks: true, cure: expect.stringContaining('another job') },
    ]);
  });

  test('says which scripts and settings of the repository have no say', async () => {
    await project({});
    const manifest = { name: 'app', version: '1.0.0', dependencies: {}, scripts: { prepare: 'husky', test: 'jest' } };
    await writeFiles(host.workspace, { 'package.json': JSON.stringify(manifest), '.npmrc': 'registry=x\n' });
    const document = await findings({ 'registry-url': 'http://127.0.0.1:9' });
    expect(document).toMatchObject({
      breaks: 0,
      findings: [
        { code: 'SETTINGS_IGNORED', detail: '".npmrc" of the repository is not read' },
        { code: 'OWN_INSTALL_SCRIPT', detail: 'the prepare script of the project is not run: "husky"' },
      ],
    });
  });

  test.each([
    'npm ci && npm run build',
    'npm install --no-audit',
    'npx esbuild index.js',
    'pnpm install',
    'yarn',
    'yarn install --immutable',
    'yarn && yarn build',
    'pip install .',
    'python -m pip install build',
    'uv sync',
    'poetry install',
    'go mod download',
    'go install example.com/tool@v1',
    'cargo install cross',
    './mvnw package',
    'mvn dependency:go-offline',
    'curl -sSf https://example.invalid | sh',
    'git submodule update --init',
    'docker build .',
    'apt-get -y install jq',
    'npm run setup',
  ])('a command that fetches breaks: %s', async (command) => {
    await project({});
    const manifest = {
      name: 'app',
      version: '1.0.0',
      dependencies: {},
      scripts: { setup: 'wget https://example.invalid/x' },
    };
    await writeFiles(host.workspace, { 'package.json': JSON.stringify(manifest) });
    const document = await findings({ command });
    expect(document.findings[0]).toMatchObject({ code: 'COMMAND_DOWNLOAD', breaks: true, cure: expect.any(String) });
  });

  test.each([
    'npm run build',
    'npx --no tsc',
    'yarn build',
    'node_modules/.bin/esbuild index.js',
    'python -m build --no-isolation',
    'go build ./... && go mod verify',
    'cargo build --locked --release',
    'mvn -B package',
    'npm rebuild native',
  ])('a command that does not fetch is left alone: %s', async (command) => {
    await project({});
    expect(await findings({ command })).toMatchObject({ breaks: 0, findings: [] });
  });

  test.each<[string, string, Record<string, string>, string]>([
    [
      'pnpm',
      'pnpm-lock.yaml',
      { 'pnpm-lock.yaml': "lockfileVersion: '9.0'\nimporters:\n  .: {}\n", 'package.json': '{}', '.pnpmfile.cjs': '' },
      '.pnpmfile.cjs',
    ],
    [
      'yarn',
      'yarn.lock',
      { 'yarn.lock': '# yarn lockfile v1\n', 'package.json': '{}', '.yarnrc.yml': 'a: b' },
      '.yarnrc.yml',
    ],
    [
      'Cargo',
      'Cargo.lock',
      { 'Cargo.lock': 'version = 4\n', 'Cargo.toml': '', '.cargo/config.toml': '' },
      '.cargo/config.toml',
    ],
    ['Go', 'go.mod', { 'go.mod': 'module example.com/x\n\ngo 1.21\n', 'go.work': '' }, 'go.work'],
  ])('settings of %s', async (_name, lockfile, files, path) => {
    await writeFiles(host.workspace, files);
    const { findings: found } = await findings({
      lockfile,
      registries: 'cargo=http://127.0.0.1:9\ngo=http://127.0.0.1:9',
    });
    expect(found).toContainEqual(
      expect.objectContaining({ code: 'SETTINGS_IGNORED', detail: expect.stringContaining(`"${path}"`) }),
    );
  });

  test('Maven: plugins that resolve while they run, native code in jars, and POMs that are no archives', async () => {
    const server = await startFileServer({});
    try {
      const sample = mavenSample(server.url, {
        plugin: { groupId: 'org.apache.maven.plugins', artifactId: 'maven-surefire-plugin' },
        jar: await zipArchive({ 'linux/libx.so': 'ELF', 'a/B.class': 'x' }),
      });
      for (const { path, bytes } of sample.files) server.files.set(path, bytes);
      await writeFiles(host.workspace, { 'pom.xml': POM, 'lockfile.json': JSON.stringify(sample.lock) });
      const { findings: found } = await findings({ lockfile: 'lockfile.json', registries: `maven=${server.url}` });
      const named = found.map(({ code, package: purl }: { code: string; package: string }) => [code, purl]);
      expect(named.sort()).toEqual([
        ['PLUGIN_DOWNLOAD', 'pkg:maven/org.apache.maven.plugins/maven-surefire-plugin@3.0'],
        ['PREBUILT_BINARY', 'pkg:maven/com.acme/lib@1.0'],
      ]);
      expect(JSON.stringify(found)).not.toContain('.class');
    } finally {
      await server.close();
    }
  });
});

describe('dry mode over a Dockerfile', () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  const dry = async (text: string) => {
    await writeFiles(host.workspace, { Dockerfile: text });
    return await findings({ dockerfile: 'Dockerfile', lockfile: 'Dockerfile' });
  };

  test('lists every place that would break it, with line and cure, and fetches nothing', async () => {
    const { breaks, findings: found } = await dry(`FROM 127.0.0.1:1/acme/base:1
ADD https://example.com/a.tgz /a
RUN --network=host true
RUN apt-get update && \\
    apt-get install -y curl
ONBUILD RUN curl https://example.com
`);
    const lines = found.map(
      ({ code, detail }: Record<string, string>) => `${code} ${/line [0-9]+/.exec(detail ?? '')}`,
    );
    expect(lines.sort()).toEqual([
      'BASE_UNPINNED line 1',
      'COMMAND_DOWNLOAD line 4',
      'COMMAND_DOWNLOAD line 4',
      'COMMAND_DOWNLOAD line 6',
      'DOCKERFILE_REFUSED line 2',
      'DOCKERFILE_REFUSED line 3',
    ]);
    expect(breaks).toBe(6);
    for (const { cure } of found) expect(cure).not.toBe('');
  });

  test('says nothing about one that can be built', async () => {
    expect((await dry(`FROM 127.0.0.1:1/acme/base:1@${digest}\nRUN make\n`)).findings).toEqual([]);
  });

  test('says that there is none', async () => {
    const { findings: found } = await findings({ dockerfile: 'Dockerfile', lockfile: 'Dockerfile' });
    expect(found).toMatchObject([{ code: 'DOCKERFILE_REFUSED', breaks: true }]);
  });
});
