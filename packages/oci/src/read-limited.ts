import type { FileHandle } from 'node:fs/promises';

const CHUNK_BYTES = 64 * 1024;

/**
 * The whole of an open file, or `undefined` when there is more of it than `maxBytes`: counted as it is read, because a file may grow
 * after it was measured.
 */
export async function readLimited(handle: FileHandle, maxBytes: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  for (let size = 0; ; ) {
    const wanted = Math.min(CHUNK_BYTES, maxBytes + 1 - size);
    const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(wanted), 0, wanted, size);
    if (bytesRead === 0) return Buffer.concat(chunks);
    size += bytesRead;
    if (size > maxBytes) return undefined;
    chunks.push(buffer.subarray(0, bytesRead));
  }
}
