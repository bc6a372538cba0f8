import { lstat, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { HermeticBuildError } from '../error.js';

/**
 * Makes `path` (relative, with `/`) below `root` and returns it, with every folder on the way a real one.
 * Attack: a repository commits `packages/a` as a link to the runner's home, and the installation writes there.
 * @throws {HermeticBuildError} `SOURCE_UNSAFE`
 */
export async function safeFolder(root: string, path: string): Promise<string> {
  let folder = root;
  for (const segment of path.split('/').filter((part) => part !== '')) {
    folder = join(folder, segment);
    const found = await lstat(folder).catch(() => undefined);
    if (found === undefined) await mkdir(folder);
    else if (!found.isDirectory()) {
      throw new HermeticBuildError('SOURCE_UNSAFE', `Cannot install into "${path}": a part of it is no folder`, {
        hint: 'Replace the link or file by a folder; packages are never installed through links',
      });
    }
  }
  return folder;
}
