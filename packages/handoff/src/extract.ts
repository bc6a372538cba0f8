import { constants } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ArchiveEntry } from './read-archive.js';
import { readChunks } from './read-chunks.js';

/** Fails when the path exists, also as a symbolic link. */
const CREATE_NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** Writes checked entries into `folder`, which this process made and which is still empty. Modes are 0644 or 0755, whatever the archive says. */
export async function extract(archive: FileHandle, entries: readonly ArchiveEntry[], folder: string): Promise<void> {
  for (const entry of entries) {
    const path = join(folder, entry.name);
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    const target = await open(path, CREATE_NEW, 0o600);
    try {
      for await (const chunk of readChunks(archive, entry.offset, entry.size)) await target.writeFile(chunk);
      await target.chmod(entry.executable ? 0o755 : 0o644);
    } finally {
      await target.close();
    }
  }
}
