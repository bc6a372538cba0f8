import { existsSync, readFileSync } from 'node:fs';
import { chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { parseFetchManifest } from '@paved/bom';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { availableMethods } from '@paved/sandbox/testing';
import { definition } from '../src/definition.js';
import { readGoSum } from '../src/go/go-sum.js';
import { run } from '../src/run.js';
import { type FileServer, startFileServer } from './file-server.js';
import { goSample } from './go-sample.js';
import { programAvailable } from './program-available.js';
import { writeFiles } from './write-files.js';
import { zipArchive } from './zip-archive.js';

const methods = await availableMethods();
const hasGo = programAvailable('go');
const ready = methods.some(({ available }) => available) && hasGo;
const inSandbox = ready ? test : test.skip;

let host: TestContext;
let proxy: FileServer;
let sample: Awaited<ReturnType<typeof goSample>>;

beforeEach(async () => {
  host = await testContext({ action: 'hermetic-build' });
  sample = await goSample();
  proxy = await startFileServer(sample.served);
});
afterEach(async () => {
  await proxy.close();
  await host.dispose();
});

async function act(texts: Record<string, string> = {}) {
  const given = {
    'source-path': host.workspace,
    lockfile: 'go.sum',
    registries: `go=${proxy.url}`,
    command: 'mkdir out; CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o out/app .',
    'output-path': 'out',
  };
  return await run(await host.inputs(definition, { ...given, ...texts }), host.context);
}
const fetchIt = (texts: Record<string, string> = {}) => act({ phase: 'fetch', isolation: 'none', ...texts });

describe('fetching Go modules', () => {
  test('writes a manifest with the module graph, and asks for nothing that no hash covers', async () => {
    await writeFiles(host.workspace, sample.files);
    const outputs = await fetchIt();
    const manifest = parseFetchManifest(
      await readFile(join(outputs['record-path'] ?? '', 'fetch-manifest.json'), 'utf8'),
    );
    expect(manifest.root).toMatchObject({ name: 'example.com/app', purl: 'pkg:golang/example.com/app@0.0.0' });
    expect(manifest.lockfiles.map(({ path, kind }) => `${kind} ${path}`)).toEqual(['go.mod go.mod', 'go.sum go.sum']);
    expect(manifest.packages).toMatchObject([
      {
        purl: 'pkg:golang/example.com/acme/greet@v1.2.0',
        name: 'example.com/Acme/greet',
        direct: true,
        dependencies: ['pkg:golang/example.com/leaf@v0.3.0'],
        lockDigest: expect.stringMatching(/^h1:/),
      },
      { purl: 'pkg:golang/example.com/leaf@v0.3.0', direct: false, dependencies: [] },
    ]);
    expect(proxy.requests.filter((path) => path.endsWith('.info') || path.endsWith('/list'))).toEqual([]);
  });

  const sums: readonly [string, (sum: string) => string, string][] = [
    [
      'one changed zip hash',
      (sum) => sum.replace(/(v1\.2\.0 h1:)./, (_all, head) => `${head}${sum.includes(`${head}A`) ? 'B' : 'A'}`),
      'INTEGRITY_MISMATCH',
    ],
    [
      'one changed go.mod hash',
      (sum) =>
        sum.replace(/(v0\.3\.0\/go\.mod h1:)./, (_all, head) => `${head}${sum.includes(`${head}A`) ? 'B' : 'A'}`),
      'INTEGRITY_MISMATCH',
    ],
    ['no line for a module', (sum) => sum.replaceAll(/^example\.com\/leaf .*\n/gm, ''), 'INTEGRITY_MISSING'],
    [
      'no line for a go.mod',
      (sum) => sum.replaceAll(/^example\.com\/leaf .*\/go\.mod .*\n/gm, ''),
      'INTEGRITY_MISSING',
    ],
    ['a line that is none', (sum) => `${sum}example.com/x v1.0.0 sha1:abc\n`, 'LOCKFILE_MALFORMED'],
    ['a path that leads out', (sum) => sum.replaceAll('example.com/leaf', '../leaf'), 'INTEGRITY_MISSING'],
    ['a hidden path', (sum) => `${sum}${sum.replaceAll('example.com/leaf', '../../leaf')}`, 'LOCKFILE_INVALID'],
  ];
  test.each(sums)('refuses %s in go.sum', async (_name, change, code) => {
    await writeFiles(host.workspace, { ...sample.files, 'go.sum': change(sample.files['go.sum'] ?? '') });
    await expect(fetchIt()).rejects.toMatchObject({ code, hint: expect.any(String) });
  });

  test('refuses changed bytes, in a zip and in a go.mod, and a zip that hides a file', async () => {
    await writeFiles(host.workspace, sample.files);
    proxy.files.set(sample.leaf.modPath, 'module example.com/leaf\n\ngo 1.21\n');
    await expect(fetchIt()).rejects.toMatchObject({ code: 'INTEGRITY_MISMATCH' });
    proxy.files.set(sample.leaf.modPath, sample.served[sample.leaf.modPath] ?? '');
    const outside = await zipArchive({ 'example.com/leaf@v0.3.1/leaf.go': 'package leaf' });
    proxy.files.set(sample.leaf.zipPath, outside);
    await expect(fetchIt()).rejects.toMatchObject({ code: 'ARCHIVE_UNSAFE' });
    const climbing = await zipArchive({ 'aa/leaf': '' }, { 'aa/leaf': '../leaf' });
    proxy.files.set(sample.leaf.zipPath, climbing);
    await expect(fetchIt()).rejects.toMatchObject({ code: 'ARCHIVE_UNSAFE' });
    const inside = 'example.com/leaf@v0.3.0';
    const twice = await zipArchive({ [`${inside}/x`]: '1', [`${inside}/y`]: '2' }, { [`${inside}/y`]: `${inside}/x` });
    proxy.files.set(sample.leaf.zipPath, twice);
    await expect(fetchIt()).rejects.toMatchObject({
      code: 'ARCHIVE_UNSAFE',
      message: expect.stringContaining('twice'),
    });
    proxy.files.set(sample.leaf.zipPath, Buffer.from('no zip'));
    await expect(fetchIt()).rejects.toMatchObject({ code: 'ARCHIVE_UNSAFE' });
  });

  test('refuses a replacement outside of the source, and needs go.sum beside go.mod', async () => {
    const replace = 'replace example.com/leaf => ../leaf\n';
    await writeFiles(host.workspace, { ...sample.files, 'go.mod': `${sample.files['go.mod']}${replace}` });
    await expect(fetchIt()).rejects.toMatchObject({ code: 'DEPENDENCY_OUTSIDE' });
    await writeFiles(host.workspace, { 'other/go.mod': sample.files['go.mod'] ?? '' });
    await expect(fetchIt({ lockfile: 'other/go.mod' })).rejects.toMatchObject({ code: 'LOCKFILE_MISSING' });
  });

  test.each([
    ['nonsense', 'REGISTRY_UNKNOWN'],
    ['go=http://example.invalid', 'REGISTRY_UNKNOWN'],
    ['ruby=https://example.invalid', 'REGISTRY_UNKNOWN'],
  ])('refuses the registry "%s"', async (registries, code) => {
    await writeFiles(host.workspace, sample.files);
    await expect(fetchIt({ registries })).rejects.toMatchObject({ code });
  });

  test.each(['yarn.txt', 'Gemfile.lock', '../go.sum'])('refuses lock file "%s" with the cure', async (lockfile) => {
    await writeFiles(host.workspace, sample.files);
    await expect(fetchIt({ lockfile })).rejects.toMatchObject({ hint: expect.any(String) });
  });
});

describe(`building Go modules without network${ready ? '' : ' (skipped: no sandbox or no go)'}`, () => {
  inSandbox('builds the same binary twice, and "go mod verify" agrees', async () => {
    await writeFiles(host.workspace, sample.files);
    const command =
      'go mod verify > verify.txt; mkdir out; mv verify.txt out; CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o out/app .';
    const [first, second] = [await act({ command }), await act({ command })];
    const bytes = (outputs: typeof first, name: string) => readFile(join(outputs['artifact-path'] ?? '', name));
    expect((await bytes(first, 'verify.txt')).toString()).toBe('all modules verified\n');
    expect((await bytes(first, 'app')).equals(await bytes(second, 'app'))).toBe(true);
  });

  inSandbox('obeys no configuration of the repository: go.env, GOFLAGS, go.work and vendor', async () => {
    const evil = '#!/bin/sh\ntouch /build/pwned\nexec "$@"\n';
    await writeFiles(host.workspace, {
      ...sample.files,
      'tool.sh': evil,
      'go.env': 'GOFLAGS=-toolexec=/build/tool.sh\n',
      '.config/go/env': 'GOFLAGS=-toolexec=/build/tool.sh\n',
      'go.work': 'go 1.20\n\nuse ./evil\n',
      'vendor/modules.txt': '# example.com/leaf v0.3.0\n',
      'vendor/example.com/leaf/leaf.go': 'package leaf\n\nconst Name = "planted"\n',
    });
    await chmod(join(host.workspace, 'tool.sh'), 0o755);
    const command = 'mkdir out; go build -o out/app .; out/app 2> out/said; ls > out/files';
    const outputs = await act({ command });
    expect(await readFile(join(outputs['artifact-path'] ?? '', 'said'), 'utf8')).toBe('hello leaf\n');
    expect(await readFile(join(outputs['artifact-path'] ?? '', 'files'), 'utf8')).not.toContain('pwned');
    // The control: the same file does run when the configuration is given.
    const asked = `export GOFLAGS="-toolexec=/build/tool.sh -mod=readonly"; ${command}`;
    const control = await act({ command: asked });
    expect(await readFile(join(control['artifact-path'] ?? '', 'files'), 'utf8')).toContain('pwned');
  });

  inSandbox('refuses a bundle that was changed after the fetch, and one without a file', async () => {
    await writeFiles(host.workspace, sample.files);
    const { 'bundle-path': bundle = '' } = await fetchIt();
    await proxy.close();
    await act({ phase: 'build', 'bundle-path': bundle });
    const index = JSON.parse(await readFile(join(bundle, 'bundle.json'), 'utf8'));
    const zip = index.files.find(({ path }: { path: string }) => path.endsWith('v0.3.0.zip'));
    const kept = await readFile(join(bundle, zip.sha256));
    await writeFile(join(bundle, zip.sha256), 'planted');
    const texts = { phase: 'build', 'bundle-path': bundle };
    await expect(act(texts)).rejects.toMatchObject({ code: 'INTEGRITY_MISMATCH' });
    await writeFile(join(bundle, zip.sha256), kept);
    zip.sha256 = index.files.find(({ path }: { path: string }) => path.endsWith('v1.2.0.zip')).sha256;
    await writeFile(join(bundle, 'bundle.json'), JSON.stringify(index));
    await expect(act(texts)).rejects.toMatchObject({ code: 'ARCHIVE_UNSAFE' });
    index.files = index.files.filter((file: unknown) => file !== zip);
    await writeFile(join(bundle, 'bundle.json'), JSON.stringify(index));
    await expect(act(texts)).rejects.toMatchObject({ code: 'BUNDLE_INCOMPLETE' });
    expect(await readdir(bundle)).toContain('bundle.json');
  });
});

const fixtures = join(process.cwd(), '../shared/fixtures/lockfiles');
const whenFixtures = existsSync(join(fixtures, 'expected.json')) ? test : test.skip;
whenFixtures.each(['go-cli', 'go-vex'])('counts of %s (skipped where ../shared/fixtures is absent)', (name) => {
  const expected = JSON.parse(readFileSync(join(fixtures, 'expected.json'), 'utf8')).files[`${name}/go.sum`];
  const { zips, mods } = readGoSum(readFileSync(join(fixtures, name, 'go.sum'), 'utf8'));
  expect({ packages: zips.size, goModLines: mods.size }).toEqual({
    packages: expected.packages,
    goModLines: expected.goModLines,
  });
});
