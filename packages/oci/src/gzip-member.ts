import type { FileHandle } from 'node:fs/promises';
import { compressionOf, damagedArchive, readFully } from './compressed-archive.js';

const FIXED_BYTES = 10;
const TRAILER_BYTES = 8;
/** Names and comments that compressors write are short; the limit is for what is no header at all. */
const MAX_HEADER_BYTES = 64 * 1024;
const DEFLATE = 8;
const FLAGS = { header: 0x02, extra: 0x04, name: 0x08, comment: 0x10, reserved: 0xe0 };

/**
 * Length of a gzip member's header (RFC 1952, 2.3).
 * @throws {OciError} `ARCHIVE_DAMAGED`
 */
export async function gzipHeaderBytes(handle: FileHandle, size: number): Promise<number> {
  const head = await readFully(handle, 0, Math.min(size, MAX_HEADER_BYTES));
  const flags = head[3] ?? 0;
  if (head.length < FIXED_BYTES || head[2] !== DEFLATE || (flags & FLAGS.reserved) !== 0) {
    throw damagedArchive('its gzip header is not that of RFC 1952');
  }
  let at = FIXED_BYTES;
  if (flags & FLAGS.extra) at += 2 + (at + 2 <= head.length ? head.readUInt16LE(at) : 0);
  for (const flag of [FLAGS.name, FLAGS.comment]) if (flags & flag) at = behindZero(head, at);
  if (flags & FLAGS.header) at += 2;
  if (at > head.length) throw damagedArchive('its gzip header has no end');
  return at;
}

function behindZero(head: Buffer, from: number): number {
  const zero = head.indexOf(0, from);
  if (zero < 0) throw damagedArchive('its gzip header has no end');
  return zero + 1;
}

export interface GzipEnd {
  /** Byte behind the deflated data. */
  readonly dataEnd: number;
  readonly size: number;
  readonly crc32: number;
  /** Bytes that came out. */
  readonly length: number;
}

/**
 * Holds the file to the end of exactly one member: a reader may go on with a second one, ignore it, or call it garbage.
 * @throws {OciError} `ARCHIVE_DAMAGED`
 */
export async function assertGzipEnd(handle: FileHandle, { dataEnd, size, crc32, length }: GzipEnd): Promise<void> {
  const trailer = await readFully(handle, dataEnd, TRAILER_BYTES);
  if (trailer.readUInt32LE(0) !== crc32) throw damagedArchive('its checksum is wrong');
  if (trailer.readUInt32LE(4) !== length % 2 ** 32) throw damagedArchive('its length is not the one that it states');
  await assertNothingBehind(handle, dataEnd + TRAILER_BYTES, size);
}

/** @throws {OciError} `ARCHIVE_DAMAGED` when the file goes on behind `end` */
export async function assertNothingBehind(handle: FileHandle, end: number, size: number): Promise<void> {
  if (end === size) return;
  const next = compressionOf(await readFully(handle, end, Math.min(8, size - end)));
  throw damagedArchive(
    next === undefined
      ? 'something follows it'
      : 'a second compressed part follows it, and readers differ in what to do',
  );
}
