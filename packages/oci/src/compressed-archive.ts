import type { FileHandle } from 'node:fs/promises';
import { OciError } from './error.js';

export type Compression = 'gzip' | 'zstd' | 'xz' | 'bzip2';

const MAGIC: readonly (readonly [Compression, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['bzip2', [0x42, 0x5a, 0x68]],
];

/** By the first bytes alone: a name says nothing, and a tar begins with the name of its first member. */
export function compressionOf(start: Buffer): Compression | undefined {
  return MAGIC.find(([, magic]) => magic.every((byte, position) => start[position] === byte))?.[0];
}

export function damagedArchive(state: string, cause?: unknown): OciError {
  return new OciError('ARCHIVE_DAMAGED', `Cannot decompress the archive of the layout: ${state}`, {
    cause,
    hint: 'Compress the whole archive once, with gzip or zstd alone, and pass it without changes',
  });
}

/** @throws {OciError} `ARCHIVE_DAMAGED` when the file ends before */
export async function readFully(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  for (let filled = 0; filled < length; ) {
    const { bytesRead } = await handle.read(buffer, filled, length - filled, position + filled);
    if (bytesRead === 0) throw damagedArchive('it is cut off');
    filled += bytesRead;
  }
  return buffer;
}
