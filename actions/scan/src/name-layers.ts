import { link, mkdir, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** First bytes in hexadecimal, and the ending that a scanner knows them by. */
const ENDINGS: readonly (readonly [magic: string, ending: string])[] = [
  ['1f8b', '.tar.gz'],
  ['28b52ffd', '.tar.zst'],
  ['7b', '.json'],
];
const MAGIC_BYTES = 4;

/** Gives every blob of a staged layout a second name, with the ending of what its first bytes are; else it is a tar. */
export async function nameLayers(layout: string, target: string): Promise<void> {
  const blobs = join(layout, 'blobs');
  await mkdir(target, { mode: 0o755 });
  for (const algorithm of await readdir(blobs)) {
    for (const entry of await readdir(join(blobs, algorithm), { withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(blobs, algorithm, entry.name);
      await link(path, join(target, `${algorithm}-${entry.name}${await endingOf(path)}`));
    }
  }
}

async function endingOf(path: string): Promise<string> {
  const handle = await open(path);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAGIC_BYTES), 0, MAGIC_BYTES, 0);
    const start = buffer.subarray(0, bytesRead).toString('hex');
    return ENDINGS.find(([magic]) => start.startsWith(magic))?.[1] ?? '.tar';
  } finally {
    await handle.close();
  }
}
