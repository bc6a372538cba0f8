import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type FileProblem, listFilesBelow, readRegularFile } from '../src/index.js';

const MEBIBYTE = 1024 * 1024;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'regular-files-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const refuse = (problem: FileProblem, name: string, state: string) => new Error(`${problem} ${name}: ${state}`);
const fifo = (path: string) => execFileSync('mkfifo', [path]);
const link = (path: string) => symlink('/etc/hostname', path);

describe('readRegularFile', () => {
  test('a file of exactly the limit is read, and one byte more is refused', async () => {
    const path = join(folder, 'app');
    await writeFile(path, Buffer.alloc(100));
    await expect(readRegularFile(path, 100, refuse)).resolves.toHaveLength(100);
    await expect(readRegularFile(path, 99, refuse)).rejects.toThrow(/^too-large .*the limit is 99$/);
  });

  /** Its size is said to be 0, and it has bytes all the same: a file that grew between the look and the reading. */
  const GROWN = '/proc/self/status';

  test('a file that has grown since its size was asked for never gives more than the limit', async () => {
    if (!existsSync(GROWN)) return;
    await expect(readRegularFile(GROWN, 10, refuse)).rejects.toThrow(/^too-large .*grew beyond the limit/);
    expect((await readRegularFile(GROWN, MEBIBYTE, refuse)).toString()).toContain('VmRSS');
  });

  test.each([
    ['nothing', async () => {}, 'unreadable', 'it does not exist'],
    ['a FIFO, which would never end', fifo, 'not-regular', 'it is not a regular file'],
    ['a link', link, 'not-regular', 'it is not a regular file'],
    ['a folder', mkdir, 'not-regular', 'it is not a regular file'],
  ])('%s is refused', async (_name, make, problem, state) => {
    const path = join(folder, 'app');
    await make(path);
    await expect(readRegularFile(path, 100, refuse)).rejects.toThrow(new Error(`${problem} ${path}: ${state}`));
  });
});

describe('listFilesBelow', () => {
  test('lists regular files of all folders, sorted', async () => {
    await mkdir(join(folder, 'b/c'), { recursive: true });
    for (const name of ['z', 'b/c/d', 'a', 'B']) await writeFile(join(folder, name), '');
    await expect(listFilesBelow(folder, 4, refuse)).resolves.toEqual(['B', 'a', 'b/c/d', 'z']);
    await expect(listFilesBelow(folder, 3, refuse)).rejects.toThrow(/^too-many .*more than 3 files$/);
  });

  test.each([
    ['a FIFO', fifo],
    ['a link', link],
  ])('%s is refused, wherever it is', async (_name, make) => {
    await mkdir(join(folder, 'b'));
    await make(join(folder, 'b/c'));
    await expect(listFilesBelow(folder, 4, refuse)).rejects.toThrow('not-regular b/c: it is not a regular file');
  });
});
