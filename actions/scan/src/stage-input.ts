import { constants } from 'node:fs';
import { chmod, copyFile, lstat, mkdir, readdir, readlink, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ScanError } from './error.js';
import type { InputKind } from './scanner.js';

const MAX_ENTRIES = 1_000_000;

/**
 * Copies `source` to `target` for readers of another user: no file of the caller's changes its mode, and nobody can change the copy
 * while scanners read it. Links are kept as links: inside a sandbox they lead to nothing of the machine.
 * @throws {ScanError} `INPUT_UNSAFE` for devices, sockets and pipes
 */
export async function stageInput(source: string, target: string): Promise<InputKind> {
  const budget = { entries: MAX_ENTRIES };
  const kind = await copyEntry(source, target, budget);
  if (kind !== 'folder') return 'file';
  return (await lstat(join(target, 'oci-layout')).catch(() => undefined))?.isFile() === true ? 'layout' : 'folder';
}

async function copyEntry(source: string, target: string, budget: { entries: number }): Promise<'file' | 'folder'> {
  budget.entries -= 1;
  if (budget.entries < 0) throw unsafe(source, `there are more than ${MAX_ENTRIES} entries`);
  const info = await lstat(source);
  if (info.isDirectory()) {
    await mkdir(target);
    for (const name of await readdir(source)) await copyEntry(join(source, name), join(target, name), budget);
    await chmod(target, 0o755);
    return 'folder';
  }
  if (info.isSymbolicLink()) await symlink(await readlink(source), target);
  else if (info.isFile()) {
    await copyFile(source, target, constants.COPYFILE_FICLONE);
    await chmod(target, 0o644);
  } else throw unsafe(source, 'it is neither file, folder nor link');
  return 'file';
}

function unsafe(path: string, state: string): ScanError {
  return new ScanError('INPUT_UNSAFE', `Cannot scan "${path.slice(-200)}": ${state}`, {
    hint: 'Name a folder that holds only what is released',
  });
}
