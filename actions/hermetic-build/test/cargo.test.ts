import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { parseFetchManifest } from '@paved/bom';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { availableMethods } from '@paved/sandbox/testing';
import { crateUrl } from '../src/cargo/crate-url.js';
import { definition } from '../src/definition.js';
import { run } from '../src/run.js';
import { cargoSample } from './cargo-sample.js';
import { type FileServer, startFileServer } from './file-server.js';
import { tarball } from './npm-registry.js';
import { programAvailable } from './program-available.js';
import { sha256Hex } from './python-sample.js';
import { writeFiles } from './write-files.js';

const ready = programAvailable('cargo') && (await availableMethods()).some(({ available }) => available);
const inSandbox = ready ? test : test.skip;

let host: TestContext;
let index: FileServer;
let sample: Awaited<ReturnType<typeof cargoSample>>;

beforeEach(async () => {
  host = await testContext({ action: 'hermetic-build' });
  sample = await cargoSample();
  index = await startFileServer(sample.served);
});
afterEach(async () => {
  await index.close();
  await host.dispose();
});

async function act(texts: Record<string, string> = {}) {
  const given = {
    'source-path': host.workspace,
    lockfile: 'Cargo.lock',
    registries: `cargo=${index.url}`,
    command: 'cargo build --locked; mkdir out; target/debug/sample > out/said; ls -A > out/files',
    'output-path': 'out',
  };
  return await run(await host.inputs(definition, { ...given, ...texts }), host.context);
}
const fetchIt = (texts: Record<string, string> = {}) => act({ phase: 'fetch', isolation: 'none', ...texts });

describe('fetching crates', () => {
  test('writes a manifest with the graph', async () => {
    await writeFiles(host.workspace, sample.files);
    const outputs = await fetchIt();
    const text = await readFile(join(outputs['record-path'] ?? '', 'fetch-manifest.json'), 'utf8');
    const manifest = parseFetchManifest(text);
    expect(manifest.root).toEqual({ name: 'sample', version: '2.0.0', purl: 'pkg:cargo/sample@2.0.0' });
    expect(manifest.packages).toMatchObject([
      { purl: 'pkg:cargo/greet-words@1.2.0', direct: true, dependencies: ['pkg:cargo/leaf@0.3.0'] },
      { purl: 'pkg:cargo/leaf@0.3.0', direct: false, lockDigest: `sha256:${sample.leaf.sha256}` },
    ]);
  });

  const locks: readonly [string, string, (lock: string) => string][] = [
    [
      'one changed checksum',
      'INTEGRITY_MISMATCH',
      (lock) => lock.replace(/(checksum = ")(.)/, (_all, head, digit) => `${head}${digit === '0' ? '1' : '0'}`),
    ],
    ['no checksum', 'INTEGRITY_MISSING', (lock) => lock.replace(/^checksum.*\n/m, '')],
    ['a malformed checksum', 'LOCKFILE_INVALID', (lock) => lock.replace(/(checksum = ").*"/, '$1abc"')],
    ['git', 'GIT_DEPENDENCY', (lock) => lock.replace(/source = ".*"/, 'source = "git+https://example.invalid/x#abc"')],
    [
      'another registry',
      'REGISTRY_UNKNOWN',
      (lock) => lock.replace(/source = ".*"/, 'source = "registry+https://example.invalid/index"'),
    ],
    ['a name that leads out', 'LOCKFILE_INVALID', (lock) => lock.replace('name = "leaf"', 'name = "../leaf"')],
  ];
  test.each(locks)('refuses %s with %s and a cure', async (_name, code, change) => {
    await writeFiles(host.workspace, { ...sample.files, 'Cargo.lock': change(sample.files['Cargo.lock'] ?? '') });
    await expect(fetchIt()).rejects.toMatchObject({ code, hint: expect.any(String) });
  });

  test('refuses changed bytes, and an evil archive before any code runs', async () => {
    await writeFiles(host.workspace, sample.files);
    index.files.set(sample.leaf.path, Buffer.from('planted'));
    await expect(fetchIt()).rejects.toMatchObject({ code: 'INTEGRITY_MISMATCH' });
    const evil = await tarball([{ name: 'leaf-0.3.0/../../../evil', text: 'x' }]);
    const lock = (sample.files['Cargo.lock'] ?? '').replace(sample.leaf.sha256, sha256Hex(evil));
    await writeFiles(host.workspace, { 'Cargo.lock': lock });
    index.files.set(sample.leaf.path, evil);
    await expect(fetchIt()).rejects.toMatchObject({ code: 'ARCHIVE_UNSAFE' });
  });

  test('refuses an index whose downloads are not https', async () => {
    await writeFiles(host.workspace, sample.files);
    index.files.set('/config.json', '{"dl":"http://example.invalid/dl"}');
    await expect(fetchIt()).rejects.toMatchObject({ code: 'REGISTRY_UNKNOWN' });
  });
});

describe(`building crates without network${ready ? '' : ' (skipped: no sandbox or no cargo)'}`, () => {
  inSandbox('builds from the bundle, and uses no .cargo/config.toml of the repository', async () => {
    await writeFiles(host.workspace, {
      ...sample.files,
      'evil.sh': '#!/bin/sh\ntouch /build/pwned\nexec "$@"\n',
      '.cargo/config.toml':
        '[build]\nrustc-wrapper = "/build/evil.sh"\n[source.crates-io]\nreplace-with = "evil"\n[source.evil]\ndirectory = "/build/evil"\n',
      'rust-toolchain.toml': '[toolchain]\nchannel = "1.0.0"\n',
      'evil/leaf/src/lib.rs': 'pub const NAME: &str = "planted";\n',
    });
    const outputs = await act({
      command: `chmod +x evil.sh; ${'cargo build --locked; mkdir out; target/debug/sample > out/said; ls -A > out/files'}`,
    });
    expect(await readFile(join(outputs['artifact-path'] ?? '', 'said'), 'utf8')).toBe('hello leaf\n');
    const files = await readFile(join(outputs['artifact-path'] ?? '', 'files'), 'utf8');
    expect(files).not.toMatch(/pwned|^\.cargo$/m);
    expect(host.lines.join('\n')).toContain('".cargo" is not used');
    // The control: the same wrapper does run when the command asks for it.
    const control = await act({
      command:
        'chmod +x evil.sh; export RUSTC_WRAPPER=/build/evil.sh; cargo build --locked; mkdir out; ls -A > out/files',
    });
    expect(await readFile(join(control['artifact-path'] ?? '', 'files'), 'utf8')).toContain('pwned');
  });

  inSandbox('refuses a bundle that was changed after the fetch', async () => {
    await writeFiles(host.workspace, sample.files);
    const { 'bundle-path': bundle = '' } = await fetchIt();
    const texts = { phase: 'build', 'bundle-path': bundle };
    await writeFile(join(bundle, sample.leaf.sha256), 'planted');
    await expect(act(texts)).rejects.toMatchObject({ code: 'INTEGRITY_MISMATCH' });
    const file = { path: 'leaf-0.3.0.crate', sha256: sample.greet.sha256, size: 1 };
    await writeFile(
      join(bundle, 'bundle.json'),
      JSON.stringify({ mediaType: 'application/vnd.paved.bundle.v1+json', files: [file] }),
    );
    await expect(act(texts)).rejects.toMatchObject({ code: 'BUNDLE_INCOMPLETE' });
  });
});

test.each([
  ['https://r.example/dl', 'https://r.example/dl/serde/1.0.0/download'],
  ['https://r.example/{crate}/{crate}-{version}.crate', 'https://r.example/serde/serde-1.0.0.crate'],
  ['https://r.example/{prefix}/{sha256-checksum}', 'https://r.example/se/rd/abc'],
])('the address by template %s', (template, expected) => {
  const locked = { name: 'serde', version: '1.0.0', sha256: 'abc', direct: true, requires: [] };
  expect(crateUrl(template, locked).href).toBe(expected);
});
