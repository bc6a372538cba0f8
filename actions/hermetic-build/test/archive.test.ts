import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { walkArchive } from '../src/build/archive.js';
import { inspectArchive } from '../src/fetch/inspect-archive.js';
import { type TarEntry, tarball } from './npm-registry.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'paved-archive-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const manifest: TarEntry = { name: 'package/package.json', text: '{"name":"x","version":"1.0.0"}' };

async function stored(entries: readonly TarEntry[]): Promise<string> {
  const path = join(folder, 'x.tgz');
  await writeFile(path, await tarball(entries));
  return path;
}

async function paths(path: string): Promise<readonly string[]> {
  const found: string[] = [];
  await walkArchive('x@1.0.0', path, async (file) => {
    found.push(file.path);
  });
  return found;
}

describe('reading an archive', () => {
  test('drops the first folder, whatever its name, and reads on when the content is left', async () => {
    const path = await stored([
      manifest,
      { name: './other//b/c.js', text: 'x'.repeat(100_000) },
      { name: 'package/d' },
    ]);
    expect(await paths(path)).toEqual(['package.json', 'b/c.js', 'd']);
  });

  test.each([
    ['a path that goes up', { name: 'package/../../evil' }],
    ['a path that goes up behind a folder', { name: 'package/a/../../../evil' }],
    ['an absolute path', { name: '/etc/evil' }],
    ['a backslash', { name: 'package\\..\\evil' }],
    ['a line break', { name: 'package/a\nb' }],
    ['a device', { name: 'package/dev', type: 'character-device' }],
    ['a block device', { name: 'package/dev', type: 'block-device' }],
    ['a pipe', { name: 'package/pipe', type: 'fifo' }],
    ['a link that goes up', { name: 'package/../evil', type: 'symlink', linkname: '/etc' }],
    ['a very long path', { name: `package/${'a/'.repeat(600)}b` }],
  ] as [string, TarEntry][])('refuses %s', async (_name, entry) => {
    const path = await stored([manifest, entry]);
    await expect(paths(path)).rejects.toMatchObject({ code: 'ARCHIVE_UNSAFE' });
  });

  test('leaves links out, as npm does', async () => {
    const links: TarEntry[] = [
      { name: 'package/lib', type: 'symlink', linkname: '/tmp' },
      { name: 'package/hard', type: 'link', linkname: 'package/package.json' },
      { name: 'package/lib/planted.js', text: '1' },
    ];
    expect(await paths(await stored([manifest, ...links]))).toEqual(['package.json', 'lib/planted.js']);
  });

  test.each([
    ['no gzip', Buffer.from('plain')],
    ['no tar', gzipSync(Buffer.alloc(2048, 7))],
    ['cut off', undefined],
  ])('refuses what is %s', async (_name, bytes) => {
    const path = join(folder, 'broken.tgz');
    const whole = await tarball([manifest, { name: 'package/big', text: 'y'.repeat(50_000) }]);
    await writeFile(path, bytes ?? whole.subarray(0, whole.length - 20));
    await expect(paths(path)).rejects.toMatchObject({ code: 'ARCHIVE_UNSAFE' });
  });
});

describe('what an archive says of itself', () => {
  test.each([
    ['"MIT"', 'MIT'],
    ['{"type":"ISC"}', 'ISC'],
    ['[{"type":"MIT"},{"type":"Apache-2.0"}]', '(MIT OR Apache-2.0)'],
    ['7', undefined],
    ['""', undefined],
  ])('licence %s', async (text, licence) => {
    const path = await stored([{ ...manifest, text: `{"name":"x","version":"v1.0.0","license":${text}}` }]);
    expect((await inspectArchive(path, 'x', '1.0.0')).licence).toBe(licence);
  });

  test.each([
    ['another name', [{ ...manifest, text: '{"name":"y","version":"1.0.0"}' }]],
    ['another version', [{ ...manifest, text: '{"name":"x","version":"1.0.1"}' }]],
    ['no version', [{ ...manifest, text: '{"name":"x"}' }]],
    ['no package.json', [{ name: 'package/index.js' }]],
    ['package.json twice', [manifest, manifest]],
    ['package.json twice, in other folders', [manifest, { ...manifest, name: 'other/package.json' }]],
  ])('refuses %s', async (_name, entries) => {
    const path = await stored(entries);
    await expect(inspectArchive(path, 'x', '1.0.0')).rejects.toMatchObject({ code: 'PACKAGE_MISMATCH' });
  });
});
