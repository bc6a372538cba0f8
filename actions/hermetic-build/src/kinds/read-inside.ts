import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HermeticBuildError } from '../error.js';

const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Text of a file of the source, or `undefined` when there is none. Links are not followed: the file would not be part of the source.
 * @throws {HermeticBuildError} `SOURCE_UNSAFE`, `LOCKFILE_INVALID` when it is no file of a usable size
 */
export async function readInside(root: string, path: string): Promise<string | undefined> {
  let current = root;
  for (const segment of path.split('/')) {
    current = join(current, segment);
    const info = await lstat(current).catch(() => undefined);
    if (info === undefined) return undefined;
    if (info.isSymbolicLink())
      throw new HermeticBuildError('SOURCE_UNSAFE', `Cannot read "${path}": it is a link`, {
        hint: 'Commit the file itself in place of the link',
      });
    if (info.size > MAX_BYTES) {
      throw new HermeticBuildError('LOCKFILE_INVALID', `Cannot read "${path}": it has more than ${MAX_BYTES} bytes`, {
        hint: 'Look what wrote it: no lock file or manifest is that large',
      });
    }
  }
  return await readFile(current, 'utf8').catch((cause: unknown) => {
    throw new HermeticBuildError('LOCKFILE_INVALID', `Cannot read "${path}": it is no readable file`, {
      cause,
      hint: 'Commit the file, and check its name in the inputs',
    });
  });
}
