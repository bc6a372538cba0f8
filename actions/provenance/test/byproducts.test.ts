import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { collectByproducts } from '../src/subjects.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'byproducts-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('byproducts', () => {
  test('are files, and every file of a folder', async () => {
    await mkdir(join(folder, 'scans'));
    await writeFile(join(folder, 'scans', 'a.json'), '{}');
    await writeFile(join(folder, 'sbom.json'), '{}');
    const found = await collectByproducts([join(folder, 'scans'), join(folder, 'sbom.json')]);
    expect(found.map(({ name }) => name)).toEqual(['a.json', 'sbom.json']);
  });

  test.each<[string, (path: string) => void | Promise<void>]>([
    ['a FIFO, which would never end', (path) => void execFileSync('mkfifo', [path])],
    ['a device, which would never end', (path) => symlink('/dev/zero', path)],
    ['nothing', () => undefined],
  ])('are not %s', async (_name, make) => {
    const path = join(folder, 'sbom.json');
    await make(path);
    await expect(collectByproducts([path])).rejects.toMatchObject({ code: 'SUBJECT_UNREADABLE' });
  });
});
