import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Digest, parseDigest } from '@paved/digest';

export interface CopiedFile {
  readonly size: number;
  readonly sha256: Digest;
}

/** Copies bytes into a file that must not exist yet, and returns when they are on the disk; the digest is of what was written. */
export async function copyFile(source: string, target: string): Promise<CopiedFile> {
  await mkdir(dirname(target), { recursive: true, mode: 0o755 });
  const hash = createHash('sha256');
  let size = 0;
  const handle = await open(target, 'wx', 0o644);
  try {
    for await (const chunk of createReadStream(source) as AsyncIterable<Buffer>) {
      await handle.appendFile(chunk);
      hash.update(chunk);
      size += chunk.length;
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  return { size, sha256: parseDigest(`sha256:${hash.digest('hex')}`) };
}
