import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { yarnZipSha512 } from '../src/node/yarn-zip.js';
import { tarball } from './npm-registry.js';

const folder = join(process.cwd(), 'actions/hermetic-build/test/fixtures/yarn-zip');
const facts = [
  ...readFileSync(join(folder, 'SOURCE.md'), 'utf8').matchAll(/^\| (([\w-]+)-[\d.]+\.tgz) .*`10c0\/(\w+)`/gm),
].map(([, file = '', name = '', sha512 = '']) => ({ file, name, sha512 }));

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'paved-zip-'));
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

test('there are archives to judge by', () => {
  expect(facts).toHaveLength(2);
});

test.each(facts)('makes the zip whose checksum yarn locked for $file', async ({ file, name, sha512 }) => {
  expect(await yarnZipSha512(name, join(folder, file), name)).toBe(sha512);
});

test.each(facts)(
  'one byte of a file of $file changes it, another compression does not',
  async ({ file, name, sha512 }) => {
    const tar = gunzipSync(readFileSync(join(folder, file)));
    const path = join(root, file);
    await writeFile(path, gzipSync(tar, { level: 1 }));
    expect(await yarnZipSha512(name, path, name)).toBe(sha512);
    const at = tar.indexOf('"description"') + 1;
    expect(at).toBeGreaterThan(512);
    tar.writeUInt8((tar[at] ?? 0) ^ 1, at);
    await writeFile(path, gzipSync(tar));
    expect(await yarnZipSha512(name, path, name)).not.toBe(sha512);
  },
);

test('depends on the mode of a file and on the order of two', async () => {
  const entries = [
    { name: 'package/a', text: 'a' },
    { name: 'package/b', text: 'b' },
  ];
  const [first, second] = entries as [(typeof entries)[0], (typeof entries)[0]];
  const variants = [entries, [second, first], [{ ...first, mode: 0o755 }, second], [{ ...first, mode: 0o600 }, second]];
  const found: string[] = [];
  for (const variant of variants) {
    const path = join(root, 'x.tgz');
    await writeFile(path, await tarball(variant));
    found.push(await yarnZipSha512('x', path, 'x'));
  }
  expect(new Set(found.slice(0, 3)).size).toBe(3);
  // Bits that yarn does not keep say nothing.
  expect(found[3]).toBe(found[0]);
});

test('refuses an archive that has a file twice, because it is not told which one counts', async () => {
  const path = join(root, 'x.tgz');
  await writeFile(
    path,
    await tarball([
      { name: 'package/a', text: '1' },
      { name: 'package/a', text: '2' },
    ]),
  );
  await expect(yarnZipSha512('x', path, 'x')).rejects.toMatchObject({ code: 'ARCHIVE_UNSAFE' });
});
