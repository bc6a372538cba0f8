import type { FileHandle } from 'node:fs/promises';
import { damagedArchive, readFully } from './compressed-archive.js';

const MAGIC_BYTES = 4;
const BLOCK_HEADER_BYTES = 3;
const CHECKSUM_BYTES = 4;
const DICTIONARY_BYTES = [0, 1, 2, 4];
const CONTENT_SIZE_BYTES = [0, 2, 4, 8];
const BLOCK = { repeated: 1, reserved: 3 };

/**
 * Byte behind the one frame that begins the file (RFC 8878, 3.1.1). Its blocks say how long they are, so that the end does not depend on
 * how far a decompressor happens to read.
 * @throws {OciError} `ARCHIVE_DAMAGED` for a frame that is cut off, or needs a dictionary
 */
export async function zstdFrameEnd(handle: FileHandle): Promise<number> {
  const [descriptor = 0] = await readFully(handle, MAGIC_BYTES, 1);
  const singleSegment = (descriptor & 0x20) !== 0;
  if (descriptor & 0x08) throw damagedArchive('its zstd header is not that of RFC 8878');
  if (descriptor & 0x03)
    throw damagedArchive(`it needs a dictionary (id of ${DICTIONARY_BYTES[descriptor & 3]} bytes)`);
  const contentSize = singleSegment && descriptor >> 6 === 0 ? 1 : (CONTENT_SIZE_BYTES[descriptor >> 6] ?? 0);
  let at = MAGIC_BYTES + 1 + (singleSegment ? 0 : 1) + contentSize;
  for (let last = false; !last; ) {
    const header = (await readFully(handle, at, BLOCK_HEADER_BYTES)).readUIntLE(0, BLOCK_HEADER_BYTES);
    last = (header & 1) !== 0;
    const type = (header >> 1) & 3;
    if (type === BLOCK.reserved) throw damagedArchive('a block of it is not of RFC 8878');
    at += BLOCK_HEADER_BYTES + (type === BLOCK.repeated ? 1 : header >> 3);
  }
  return at + (descriptor & 0x04 ? CHECKSUM_BYTES : 0);
}
