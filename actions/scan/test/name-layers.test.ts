import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { nameLayers } from '../src/name-layers.js';

test('blobs get the endings of what they are, and links are left out', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'paved-layers-'));
  try {
    const blobs = join(folder, 'layout/blobs/sha256');
    await mkdir(blobs, { recursive: true });
    await writeFile(join(blobs, 'a'), gzipSync('tar'));
    await writeFile(join(blobs, 'b'), zstdCompressSync('tar'));
    await writeFile(join(blobs, 'c'), '{}');
    await writeFile(join(blobs, 'd'), 'name of a file');
    await writeFile(join(blobs, 'e'), '');
    await symlink('/etc/passwd', join(blobs, 'f'));
    await nameLayers(join(folder, 'layout'), join(folder, 'named'));
    const named = ['sha256-a.tar.gz', 'sha256-b.tar.zst', 'sha256-c.json', 'sha256-d.tar', 'sha256-e.tar'];
    expect((await readdir(join(folder, 'named'))).sort()).toEqual(named);
    expect(await readFile(join(folder, 'named/sha256-d.tar'), 'utf8')).toBe('name of a file');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
