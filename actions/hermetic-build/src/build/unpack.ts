import { mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { walkArchive } from './archive.js';

/**
 * Unpacks a package's tarball without its first folder into `target`, which exists and belongs to nobody else; every file gets
 * the time `sourceDateEpoch`, in seconds.
 * @throws {HermeticBuildError} `ARCHIVE_UNSAFE`
 */
export async function unpack(label: string, archive: string, target: string, sourceDateEpoch: number): Promise<void> {
  const made = new Set<string>([target]);
  await walkArchive(label, archive, async (file, content) => {
    const path = join(target, file.path);
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
