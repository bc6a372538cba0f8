import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { definition } from '../src/definition.js';
import { run } from '../src/run.js';
import { publish, type Registry, startNpmRegistry } from './npm-registry.js';
import { writeFiles } from './write-files.js';

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
});
