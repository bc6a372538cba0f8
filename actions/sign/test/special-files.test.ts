import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { listFiles } from '../src/read-file.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'special-files-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('a path that is named itself', () => {
  test('is taken when it is a regular file', async () => {
    const path = join(folder, 'app');
    await writeFile(path, 'app');
    await expect(listFiles(path)).resolves.toHaveLength(1);
  });

  test('is refused when it is a FIFO, which would never end', async () => {
    const path = join(folder, 'app');
    execFileSync('mkfifo', [path]);
    await expect(listFiles(path)).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
  });
});
