import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { DEFAULT_CAPS } from '../src/caps.js';
import { collectFiles } from '../src/collect-files.js';
import { packArchive } from '../src/pack-archive.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'paved-races-'));
  await mkdir(join(root, 'files', 'sub'), { recursive: true });
  await writeFile(join(root, 'files', 'sub', 'a.txt'), 'what was built');
  await mkdir(join(root, 'outside'));
  await writeFile(join(root, 'outside', 'a.txt'), 'what the runner keeps');
});
afterEach(() => rm(root, { recursive: true }));

/** What a process that a build left behind does between the listing and the reading. */
async function packAfter(change: (folder: string) => Promise<unknown>): Promise<unknown> {
  const files = await collectFiles(join(root, 'files'), DEFAULT_CAPS);
  await change(join(root, 'files'));
  return await packArchive(files, join(root, 'archive.tar'), DEFAULT_CAPS);
}

describe('a folder that changes while it is sent', () => {
  test.each<readonly [string, (folder: string) => Promise<unknown>]>([
    [
      'a folder that became a link',
      async (folder) => {
        await rename(join(folder, 'sub'), join(folder, 'old'));
        await symlink(join(root, 'outside'), join(folder, 'sub'));
      },
    ],
    [
      'the whole folder that became a link',
      async (folder) => {
        await mkdir(join(root, 'outside', 'sub'));
        await rename(join(root, 'outside', 'a.txt'), join(root, 'outside', 'sub', 'a.txt'));
        await rename(folder, join(root, 'old'));
        await symlink(join(root, 'outside'), folder);
      },
    ],
    [
      'a file that became a link',
      async (folder) => {
        await rm(join(folder, 'sub', 'a.txt'));
        await symlink(join(root, 'outside', 'a.txt'), join(folder, 'sub', 'a.txt'));
      },
    ],
    [
      'a file that became a pipe, which nobody ever writes to',
      async (folder) => {
        await rm(join(folder, 'sub', 'a.txt'));
        execFileSync('mkfifo', [join(folder, 'sub', 'a.txt')]);
      },
    ],
  ])('is refused: %s', async (_name, change) => {
    await expect(packAfter(change)).rejects.toMatchObject({ code: 'HANDOFF_FILE_REFUSED' });
  });

  test('is sent when nothing changes, also from behind a link that was there before', async () => {
    expect(await packAfter(async () => undefined)).toMatchObject({ size: expect.any(Number) });
    await symlink(join(root, 'files'), join(root, 'named'));
    const files = await collectFiles(join(root, 'named', 'sub'), DEFAULT_CAPS);
    expect(await packArchive(files, join(root, 'second.tar'), DEFAULT_CAPS)).toMatchObject({
      size: expect.any(Number),
    });
  });
});
