import { mkdir, open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { walkArchive } from './archive.js';

export interface UnpackOptions {
  /** npm installs `.gitignore` under the name `.npmignore`, unless the archive has had one of that name before. */
  readonly renameGitignore?: boolean;
}

/**
 * Unpacks a package's tarball without its first folder into `target`, which exists and belongs to nobody else; every file gets
 * the time `sourceDateEpoch`, in seconds.
 * @throws {HermeticBuildError} `ARCHIVE_UNSAFE`
 */
export async function unpack(
  label: string,
  archive: string,
  target: string,
  sourceDateEpoch: number,
  { renameGitignore = false }: UnpackOptions = {},
): Promise<void> {
  const made = new Set<string>([target]);
  const ignores = new Set<string>();
  await walkArchive(label, archive, async (file, content) => {
    const renamed = renameGitignore ? file.path.replace(/(^|\/)\.gitignore$/, '$1.npmignore') : file.path;
    if (renamed !== file.path && ignores.has(renamed)) return;
    if (renamed === file.path && basename(renamed) === '.npmignore') ignores.add(renamed);
    const path = join(target, renamed);
    if (!made.has(dirname(path))) await mkdir(dirname(path), { recursive: true });
    made.add(dirname(path));
    const handle = await open(path, 'w', file.executable ? 0o755 : 0o644);
    try {
      for await (const chunk of content) await handle.writeFile(chunk);
      await handle.utimes(sourceDateEpoch, sourceDateEpoch);
    } finally {
      await handle.close();
    }
  });
}
