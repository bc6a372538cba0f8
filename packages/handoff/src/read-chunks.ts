import type { FileHandle } from 'node:fs/promises';

const CHUNK_BYTES = 1024 * 1024;

/** The bytes from `start` on, exactly `length` of them, through a handle that stays open. @throws {Error} when the file ends before */
export async function* readChunks(file: FileHandle, start: number, length: number): AsyncGenerator<Buffer> {
  for (let done = 0; done < length; ) {
    const wanted = Math.min(CHUNK_BYTES, length - done);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(wanted), 0, wanted, start + done);
    if (bytesRead === 0) throw new Error('Cannot read a file: it became shorter');
    done += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
