import { constants } from 'node:fs';
import { chmod, copyFile, lstat, mkdir, readdir, readlink, symlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { HermeticBuildError } from '../error.js';

export interface CopyOptions {
  /** Folders that are not part of the source: RUNNER_TEMP may lie inside the workspace. */
  readonly exclude: readonly string[];
  /** Becomes the time of each file, in seconds, so that it is the same on each machine. */
  readonly sourceDateEpoch: number;
}

const MAX_FILES = 500_000;

/**
 * Copies a source tree without `.git` (tokens and hooks live there) and without the project's own node_modules, which the bundle
 * replaces. Links are copied as links, never followed: inside the sandbox they lead nowhere. Modes become 0755 or 0644.
 * @throws {HermeticBuildError} `SOURCE_UNSAFE` for a socket, device or pipe in the tree
 */
export async function copySource(from: string, to: string, options: CopyOptions): Promise<void> {
  let files = 0;

  async function copy(source: string, target: string, depth: number): Promise<void> {
    if (++files > MAX_FILES) throw unsafe(from, `it has more than ${MAX_FILES} files`);
    const info = await lstat(source);
    if (info.isSymbolicLink()) await symlink(await readlink(source), target);
    else if (info.isDirectory()) await copyFolder(source, target, depth);
    else if (info.isFile()) await copyRegular(source, target, (info.mode & 0o111) !== 0);
    else throw unsafe(source, 'it is no file, folder or link');
  }

  async function copyFolder(source: string, target: string, depth: number): Promise<void> {
    await mkdir(target, { recursive: true });
    for (const name of (await readdir(source)).sort()) {
      const path = join(source, name);
      if (name === '.git' || (depth === 0 && name === 'node_modules') || options.exclude.includes(path)) continue;
      await copy(path, join(target, name), depth + 1);
    }
  }

  async function copyRegular(source: string, target: string, executable: boolean): Promise<void> {
    await copyFile(source, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    await chmod(target, executable ? 0o755 : 0o644);
    await utimes(target, options.sourceDateEpoch, options.sourceDateEpoch);
  }

  await copyFolder(from, to, 0);
}

function unsafe(path: string, state: string): HermeticBuildError {
  return new HermeticBuildError('SOURCE_UNSAFE', `Cannot copy "${path}": ${state}`, {
    hint: 'Build from a fresh checkout',
  });
}
