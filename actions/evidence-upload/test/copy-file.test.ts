import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { sha256 } from '@paved/digest';
import { copyFile } from '../src/copy-file.js';

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

async function scratch(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'paved-copy-'));
  folders.push(folder);
  return folder;
}

test('a file is copied with its size and digest (control)', async () => {
  const folder = await scratch();
  await writeFile(join(folder, 'a'), 'content');
  const copied = await copyFile(join(folder, 'a'), join(folder, 'b/c'));
  expect(copied).toEqual({ size: 7, sha256: sha256('content') });
  expect(await readFile(join(folder, 'b/c'), 'utf8')).toBe('content');
});

test.each(['link', 'pipe', 'folder'])('what has become a %s since it was listed is not read', async (kind) => {
  const folder = await scratch();
  await writeFile(join(folder, 'secret'), 'secret');
  const path = join(folder, 'a');
  if (kind === 'link') await symlink(join(folder, 'secret'), path);
  else execFileSync(kind === 'pipe' ? 'mkfifo' : 'mkdir', [path]);
  await expect(copyFile(path, join(folder, 'b'))).rejects.toMatchObject({ code: 'PACK_INVALID' });
  await expect(stat(join(folder, 'b'))).rejects.toMatchObject({ code: 'ENOENT' });
});
