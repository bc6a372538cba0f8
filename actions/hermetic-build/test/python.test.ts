import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { parseFetchManifest } from '@paved/bom';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { availableMethods } from '@paved/sandbox/testing';
import { definition } from '../src/definition.js';
import { lockedDistributions } from '../src/python/locked-distribution.js';
import { markerHolds } from '../src/python/marker.js';
import { fitOf, parseFileName, sameVersion } from '../src/python/wheel.js';
import { run } from '../src/run.js';
import { type FileServer, startFileServer } from './file-server.js';
import { programAvailable } from './program-available.js';
import { pythonSample, wheel } from './python-sample.js';
import { writeFiles } from './write-files.js';

const hasPython = programAvailable('python3', ['-I', '-m', 'pip', '--version']);
const withPython = hasPython ? test : test.skip;
const ready = hasPython && (await availableMethods()).some(({ available }) => available);
const inSandbox = ready ? test : test.skip;

let host: TestContext;
let index: FileServer;
let sample: Awaited<ReturnType<typeof pythonSample>>;

beforeEach(async () => {
  host = await testContext({ action: 'hermetic-build' });
  sample = await pythonSample();
  index = await startFileServer(sample.served);
});
afterEach(async () => {
  await index.close();
  await host.dispose();
});

async function act(texts: Record<string, string> = {}) {
  const given = {
    'source-path': host.workspace,
    lockfile: 'requirements.txt',
    registries: `pypi=${index.url}/simple`,
    command: 'python3 build.py',
    'output-path': 'out',
  };
  return await run(await host.inputs(definition, { ...given, ...texts }), host.context);
}
const fetchIt = (texts: Record<string, string> = {}) => act({ phase: 'fetch', isolation: 'none', ...texts });
const flip = (text: string, hex: string) => text.replace(hex, `${hex.startsWith('0') ? '1' : '0'}${hex.slice(1)}`);

describe(`fetching Python distributions${hasPython ? '' : ' (skipped: no python3 with pip)'}`, () => {
  withPython('takes the file that fits, by digest, and leaves out what a marker excludes', async () => {
    await writeFiles(host.workspace, sample.files);
    const outputs = await fetchIt();
    const text = await readFile(join(outputs['record-path'] ?? '', 'fetch-manifest.json'), 'utf8');
    const manifest = parseFetchManifest(text);
    expect(manifest.root).toEqual({
      name: 'sample-app',
      version: '2.0.0',
      purl: 'pkg:pypi/sample-app@2.0.0',
      licence: 'Apache-2.0',
    });
    expect(manifest.packages).toMatchObject([
      { purl: 'pkg:pypi/greet-words@1.2.0', digests: { sha256: sample.greet.sha256 } },
      { purl: 'pkg:pypi/leaf@0.3', lockDigest: `sha256:${sample.leaf.sha256}` },
    ]);
    expect(index.requests).not.toContain('/simple/winonly/');
  });

  withPython('reads uv.lock and poetry.lock too', async () => {
    const hash = `sha256:${sample.leaf.sha256}`;
    await writeFiles(host.workspace, {
      'uv.lock': `version = 1\n[[package]]\nname = "app"\nversion = "1"\nsource = { editable = "." }\ndependencies = [{ name = "leaf" }, { name = "win", marker = "sys_platform == 'win32'" }]\n[[package]]\nname = "leaf"\nversion = "0.3"\nsource = { registry = "https://example.invalid/simple" }\nwheels = [{ url = "https://example.invalid/x.whl", hash = "${hash}", size = 1 }]\n[[package]]\nname = "win"\nversion = "1"\nsource = { registry = "https://example.invalid/simple" }\nwheels = [{ url = "https://example.invalid/w.whl", hash = "${hash}" }]\n`,
      'poetry.lock': `[[package]]\nname = "leaf"\nversion = "0.3"\noptional = false\ngroups = ["main"]\nfiles = [{file = "leaf-0.3-py3-none-any.whl", hash = "${hash}"}]\n[[package]]\nname = "win"\nversion = "1"\noptional = false\nmarkers = "sys_platform == \\"win32\\""\ngroups = ["main"]\nfiles = [{file = "w.whl", hash = "${hash}"}]\n[metadata]\nlock-version = "2.1"\n`,
    });
    for (const lockfile of ['uv.lock', 'poetry.lock']) {
      const outputs = await fetchIt({ lockfile });
      const text = await readFile(join(outputs['record-path'] ?? '', 'fetch-manifest.json'), 'utf8');
      expect(parseFetchManifest(text).packages.map(({ purl }) => purl)).toEqual(['pkg:pypi/leaf@0.3']);
    }
  });

  withPython('refuses a changed digest in the lock file, and changed bytes at the index', async () => {
    const changed = flip(sample.files['requirements.txt'] ?? '', sample.leaf.sha256);
    await writeFiles(host.workspace, { ...sample.files, 'requirements.txt': changed });
    await expect(fetchIt()).rejects.toMatchObject({ code: 'INTEGRITY_MISMATCH', hint: expect.any(String) });
    await writeFiles(host.workspace, sample.files);
    index.files.set(`/files/${sample.leaf.file}`, (await wheel('leaf', '0.3', 'NAME = "planted"\n')).bytes);
    await expect(fetchIt()).rejects.toMatchObject({ code: 'INTEGRITY_MISMATCH' });
  });

  withPython('refuses a wheel that says it is another package', async () => {
    const metadata = 'Metadata-Version: 2.1\nName: other\nVersion: 0.3\n\n';
    const liar = await wheel('leaf', '0.3', '', { metadata });
    const requirements = `leaf==0.3 --hash=sha256:${liar.sha256}\n`;
    index.files.set('/simple/leaf/', `<a href="/files/${liar.file}#sha256=${liar.sha256}">${liar.file}</a>`);
    index.files.set(`/files/${liar.file}`, liar.bytes);
    await writeFiles(host.workspace, { 'requirements.txt': requirements });
    await expect(fetchIt()).rejects.toMatchObject({ code: 'PACKAGE_MISMATCH' });
  });

  const lines: readonly [string, string, string][] = [
    ['no hash', 'leaf==0.3\n', 'INTEGRITY_MISSING'],
    ['md5 alone', `leaf==0.3 --hash=md5:${'0'.repeat(32)}\n`, 'INTEGRITY_WEAK'],
    ['a range', `leaf>=0.3 --hash=sha256:${'0'.repeat(64)}\n`, 'INTEGRITY_MISSING'],
    ['another file', '-r other.txt\n', 'INTEGRITY_MISSING'],
    ['an editable folder', '-e ../elsewhere\n', 'INTEGRITY_MISSING'],
    ['git', `leaf @ git+https://example.invalid/x --hash=sha256:${'0'.repeat(64)}\n`, 'INTEGRITY_MISSING'],
    [
      'two versions',
      `leaf==1 --hash=sha256:${'0'.repeat(64)}\nLeaf==2 --hash=sha256:${'0'.repeat(64)}\n`,
      'LOCKFILE_INVALID',
    ],
    ['a broken marker', `leaf==1 ; os.system("x") --hash=sha256:${'0'.repeat(64)}\n`, 'LOCKFILE_INVALID'],
  ];
  test.each(lines)('refuses %s with a cure', (_name, text, code) => {
    const locking = () => lockedDistributions('requirements', text, { python_version: '3.11' });
    expect(locking).toThrow(expect.objectContaining({ code, hint: expect.any(String) }));
  });
});

describe(`building Python without network${ready ? '' : ' (skipped: no sandbox or no python3)'}`, () => {
  inSandbox('installs offline with hashes required; the repository configures nothing', async () => {
    await writeFiles(host.workspace, {
      ...sample.files,
      'pip.conf': '[global]\nindex-url = https://example.invalid/simple\n',
      '.config/pip/pip.conf': '[install]\npre = true\n',
      '.python-version': '2.7\n',
      'pip.py': 'open("/build/pwned", "w")\n',
      'venv.py': 'open("/build/pwned", "w")\n',
      'sitecustomize.py': 'open("/build/pwned", "w")\n',
      'uv.toml': 'index-url = "https://example.invalid/simple"\n',
    });
    const outputs = await act({ command: 'python3 build.py; ls > out/files' });
    expect(await readFile(join(outputs['artifact-path'] ?? '', 'said'), 'utf8')).toBe('hello leaf\n');
    expect(await readFile(join(outputs['artifact-path'] ?? '', 'files'), 'utf8')).not.toContain('pwned');
    // The control: the planted module does run for who asks python for it in this folder.
    const control = await act({ command: 'mkdir out; python3 -m pip || true; ls > out/files' });
    expect(await readFile(join(control['artifact-path'] ?? '', 'files'), 'utf8')).toContain('pwned');
  });

  inSandbox('refuses a bundle that was changed after the fetch', async () => {
    await writeFiles(host.workspace, sample.files);
    const { 'bundle-path': bundle = '' } = await fetchIt();
    await writeFile(join(bundle, sample.leaf.sha256), 'planted');
    await expect(act({ phase: 'build', 'bundle-path': bundle })).rejects.toMatchObject({ code: 'INTEGRITY_MISMATCH' });
    await writeFile(join(bundle, 'bundle.json'), '{"mediaType":"application/vnd.paved.bundle.v1+json","files":[]}');
    await expect(act({ phase: 'build', 'bundle-path': bundle })).rejects.toMatchObject({ code: 'BUNDLE_INCOMPLETE' });
  });
});

const facts = { prefix: '', minor: 11, machine: 'x86_64', glibc: '2.36', markers: { sys_platform: 'linux' } };

test.each([
  ['x-1-py3-none-any.whl', true],
  ['x-1-py2.py3-none-any.whl', true],
  ['x-1-py312-none-any.whl', false],
  ['x-1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl', true],
  ['x-1-cp311-cp311-manylinux_2_40_x86_64.whl', false],
  ['x-1-cp38-abi3-manylinux_2_28_x86_64.whl', true],
  ['x-1-cp312-abi3-manylinux_2_28_x86_64.whl', false],
  ['x-1-cp310-cp310-linux_x86_64.whl', false],
  ['x-1-cp311-cp311-manylinux2014_aarch64.whl', false],
  ['x-1-cp311-cp311-musllinux_1_1_x86_64.whl', false],
  ['x-1-cp311-cp311-macosx_11_0_arm64.whl', false],
  ['x-1-2build-cp311-none-any.whl', true],
])('whether %s runs here: %s', (name, expected) => {
  const parsed = parseFileName(name);
  expect(parsed !== undefined && fitOf(parsed, facts) !== undefined).toBe(expected);
});

test.each([
  ['1.0', '1', true],
  ['1.0rc1', '1.0.RC1', true],
  ['1.0-1', '1.0', false],
  ['2.0.0', '2.0.1', false],
])('%s and %s are one version: %s', (a, b, expected) => expect(sameVersion(a, b)).toBe(expected));

test.each([
  ['python_version >= "3.9" and python_version < "4"', true],
  ['python_version == "3.*"', true],
  ['python_full_version ~= "3.11.2"', true],
  ['python_version < "3.9"', false],
  ['sys_platform == "win32" or (os_name == "posix" and platform_machine in "x86_64 aarch64")', true],
  ['platform_machine not in "x86_64"', false],
  ['extra == "cli"', false],
])('marker %s is %s', (marker, expected) => {
  const environment = {
    python_version: '3.11',
    python_full_version: '3.11.7',
    sys_platform: 'linux',
    os_name: 'posix',
    platform_machine: 'x86_64',
    extra: '',
  };
  expect(markerHolds(marker, environment)).toBe(expected);
});
