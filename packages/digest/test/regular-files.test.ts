import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { copyRegularFile, type FileProblem, listFilesBelow, readRegularFile, sha256 } from '../src/index.js';

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

describe('copyRegularFile', () => {
  const copy = async (path: string, maxBytes: number, realPath?: string) =>
    await copyRegularFile(
      { path, realPath: realPath ?? (await realpath(path)) },
      join(folder, 'copy'),
      maxBytes,
      refuse,
    );

  test.each([
    [0o640, 0o644],
    [0o701, 0o755],
  ])('a file of mode %o that is larger than a chunk arrives with mode %o and its digest', async (mode, expected) => {
    const bytes = Buffer.alloc(600_000, 'abc');
    await writeFile(join(folder, 'app'), bytes, { mode });
    expect(await copy(join(folder, 'app'), 600_000)).toEqual({ size: 600_000, digest: sha256(bytes) });
    expect((await readFile(join(folder, 'copy'))).equals(bytes)).toBe(true);
    expect((await stat(join(folder, 'copy'))).mode & 0o777).toBe(expected);
  });

  test('a file that is larger, or has grown since its size was asked for, is refused', async () => {
    await writeFile(join(folder, 'app'), Buffer.alloc(100));
    await expect(copy(join(folder, 'app'), 99)).rejects.toThrow(/^too-large .*the limit is 99$/);
    if (existsSync('/proc/version'))
      await expect(copy('/proc/version', 10, '/proc/version')).rejects.toThrow(/^too-large .*grew beyond the limit/);
  });

  test('a file that is reached through a folder that became a link is refused', async () => {
    await mkdir(join(folder, 'other'));
    await writeFile(join(folder, 'other/app'), 'x');
    await symlink(join(folder, 'other'), join(folder, 'linked'));
    const path = join(folder, 'linked/app');
    await expect(copy(path, 100, path)).rejects.toThrow(`not-regular ${path}: it is not the file that was listed`);
    expect(existsSync(join(folder, 'copy'))).toBe(false);
    await expect(copy(path, 100)).resolves.toMatchObject({ size: 1 });
  });

  test.each([
    ['a FIFO', fifo],
    ['a link', link],
    ['a folder', mkdir],
  ])('%s is refused', async (_name, make) => {
    const path = join(folder, 'app');
    await make(path);
    await expect(copy(path, 100, path)).rejects.toThrow(`not-regular ${path}: it is not a regular file`);
  });

  test('nothing is written over', async () => {
    await writeFile(join(folder, 'app'), 'new');
    await symlink(join(folder, 'elsewhere'), join(folder, 'copy'));
    await expect(copy(join(folder, 'app'), 100)).rejects.toMatchObject({ code: 'EEXIST' });
    expect(existsSync(join(folder, 'elsewhere'))).toBe(false);
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
