import { chmod, lstat, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { safeFolder } from '../build/safe-folder.js';
import { HermeticBuildError } from '../error.js';
import { type FilePatch, type Hunk, parsePatch } from './parse-patch.js';

/**
 * Applies a unified diff to the files of a package, each hunk exactly at its line or not at all: what would need fuzz was made for
 * other bytes. Nothing outside of `folder` is touched, and no link is followed.
 * @throws {HermeticBuildError} `PATCH_FAILED`, `SOURCE_UNSAFE`
 */
export async function applyPatch(label: string, text: string, folder: string, sourceDateEpoch: number): Promise<void> {
  for (const patch of parsePatch(label, text)) await applyFile(label, patch, folder, sourceDateEpoch);
}

async function applyFile(label: string, patch: FilePatch, folder: string, sourceDateEpoch: number): Promise<void> {
  const { from, to, hunks, executable } = patch;
  const failed = (state: string) => patchFailed(label, `${to ?? from ?? 'a file'}: ${state}`);
  const before = from === undefined ? '' : await readOld(folder, from, failed);
  const after = applyHunks(before, hunks, failed);
  if (to === undefined && after !== '') throw failed('it is deleted, and not all of its lines are');
  if (from !== undefined && from !== to) await rm(join(folder, from));
  if (to === undefined) return;
  const target = join(await safeFolder(folder, posix.dirname(to).replace(/^\.$/, '')), posix.basename(to));
  const old = await lstat(target).catch(() => undefined);
  if (old !== undefined && (from !== to || !old.isFile())) throw failed('it is there already');
  await writeFile(target, after);
  if (executable !== undefined || old === undefined) await chmod(target, executable === true ? 0o755 : 0o644);
  await utimes(target, sourceDateEpoch, sourceDateEpoch);
}

async function readOld(folder: string, path: string, failed: (state: string) => HermeticBuildError): Promise<string> {
  let current = folder;
  for (const segment of path.split('/')) {
    current = join(current, segment);
    if ((await lstat(current).catch(() => undefined))?.isSymbolicLink() !== false) throw failed('it is not there');
  }
  return await readFile(current, 'utf8').catch(() => {
    throw failed('it is not there');
  });
}

function applyHunks(text: string, hunks: readonly Hunk[], failed: (state: string) => HermeticBuildError): string {
  const lines = text === '' ? [] : text.split(/(?<=\n)/);
  const result: string[] = [];
  let at = 0;
  for (const { start, before, after } of hunks) {
    // An empty side names the line before it.
    const index = before.length === 0 ? start : start - 1;
    if (index < at || index > lines.length) throw failed(`line ${start} is not where the patch expects it`);
    result.push(...lines.slice(at, index));
    const different = before.findIndex((line, offset) => lines[index + offset] !== line);
    if (different !== -1) throw failed(`line ${start + different} is not what the patch expects`);
    result.push(...after);
    at = index + before.length;
  }
  return [...result, ...lines.slice(at)].join('');
}

function patchFailed(label: string, state: string): HermeticBuildError {
  return new HermeticBuildError('PATCH_FAILED', `Cannot patch "${label}": ${state.slice(0, 300)}`, {
    hint: 'Make the patch again from the locked version of the package',
  });
}
