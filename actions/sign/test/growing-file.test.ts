import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { readRegularFile } from '../src/read-file.js';

const MEBIBYTE = 1024 * 1024;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'growing-file-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

test('a file of exactly the limit is read, and one byte more is refused', async () => {
  const path = join(folder, 'app');
  await writeFile(path, Buffer.alloc(100));
  await expect(readRegularFile(path, 100)).resolves.toHaveLength(100);
  await expect(readRegularFile(path, 99)).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
});

/** Its size is said to be 0, and it has bytes all the same: a file that grew between the look and the reading. */
const GROWN = '/proc/self/status';

test('a file that has grown since its size was asked for never gives more than the limit', async () => {
  if (!existsSync(GROWN)) return;
  await expect(readRegularFile(GROWN, 10)).rejects.toMatchObject({
    code: 'FILE_UNREADABLE',
    message: expect.stringContaining('grew beyond the limit'),
  });
  expect((await readRegularFile(GROWN, MEBIBYTE)).toString()).toContain('VmRSS');
});
