import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, type Transform } from 'node:stream';
import { crc32, createInflateRaw, createZstdDecompress } from 'node:zlib';
import { READ_BYTES } from './blob-source.js';
import { compressionOf, damagedArchive, readFully } from './compressed-archive.js';
import { OciError } from './error.js';
import { assertGzipEnd, assertNothingBehind, gzipHeaderBytes } from './gzip-member.js';
import { openRegular } from './layout-store.js';
import { zstdFrameEnd } from './zstd-frame.js';

export interface SpoolOptions {
  /** Where the plain archive is written; nobody else may write there. */
  readonly folder: () => Promise<string>;
  /** Of the plain archive, in bytes (default 16 GiB). */
  readonly maxBytes?: number | undefined;
}

/** More than the disk of a hosted runner has to give, and an end for an archive that has none. */
const DEFAULT_MAX_SPOOLED_BYTES = 16 * 1024 ** 3;
const MAGIC_BYTES = 8;

/**
 * Decompresses an archive (gzip, zstd; known by its first bytes) into one new file, and returns that file's path, which whoever calls
 * removes; `undefined` for an archive that is not compressed. Nothing is unpacked. Exactly one gzip member or zstd frame is taken: what
 * follows it one reader would see and another one would not.
 * @throws {OciError} `ARCHIVE_DAMAGED`, `ARCHIVE_TOO_LARGE` after at most `maxBytes` were written, `LAYOUT_INVALID` for another
 *   compression and for what is no regular file; then there is no file
 */
export async function spoolArchive(path: string, options: SpoolOptions): Promise<string | undefined> {
  const source = await openRegular(path, 'the archive');
  try {
    const { size } = await source.stat();
    const kind = compressionOf(await readFully(source, 0, Math.min(size, MAGIC_BYTES)));
    if (kind === undefined) return undefined;
    if (kind !== 'gzip' && kind !== 'zstd') {
      throw compressedArchive(kind, 'Give the archive plain, or compressed with gzip or zstd');
    }
    const spooled = join(await options.folder(), `${randomUUID()}.tar`);
    const target = await open(spooled, 'wx', 0o600);
    try {
      const output = new SpooledFile(target, options.maxBytes ?? DEFAULT_MAX_SPOOLED_BYTES);
      await (kind === 'gzip' ? spoolGzip(source, size, output) : spoolZstd(source, size, output));
      return spooled;
    } catch (error) {
      await rm(spooled, { force: true });
      throw error;
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

/** @param cure what the caller takes instead */
export function compressedArchive(kind: string, cure: string): OciError {
  return new OciError('LAYOUT_INVALID', `Cannot read "the archive" of the layout: it is compressed with ${kind}`, {
    hint: `${cure}; its layers may be compressed as they are`,
  });
}

async function spoolGzip(source: FileHandle, size: number, output: SpooledFile): Promise<void> {
  const start = await gzipHeaderBytes(source, size);
  if (start >= size) throw damagedArchive('it is cut off');
  // Raw, because the gzip reader of zlib goes on with a second member and drops what is none.
  const inflate = createInflateRaw({ chunkSize: READ_BYTES });
  let checksum = 0;
  await decompress(bytesOf(source, start, size), inflate, async (piece) => {
    checksum = crc32(piece, checksum);
    await output.write(piece);
  });
  const dataEnd = start + inflate.bytesWritten;
  await assertGzipEnd(source, { dataEnd, size, crc32: checksum, length: output.length });
}

async function spoolZstd(source: FileHandle, size: number, output: SpooledFile): Promise<void> {
  const end = await zstdFrameEnd(source);
  if (end > size) throw damagedArchive('it is cut off');
  await assertNothingBehind(source, end, size);
  const frame = createZstdDecompress({ chunkSize: READ_BYTES });
  await decompress(bytesOf(source, 0, end), frame, (piece) => output.write(piece));
}

/** A stream of the handle's own would close it when it is destroyed, and what follows the data is read after that. */
function bytesOf(source: FileHandle, start: number, end: number): Readable {
  return Readable.from(pieces(source, start, end), { objectMode: false, highWaterMark: READ_BYTES });
}

async function* pieces(source: FileHandle, start: number, end: number): AsyncGenerator<Buffer> {
  for (let at = start; at < end; ) {
    const piece = await readFully(source, at, Math.min(READ_BYTES, end - at));
    at += piece.length;
    yield piece;
  }
}

/** Ends at the end of the compressed data, wherever the input ends: a pipeline would wait for the rest of it. */
async function decompress(input: Readable, engine: Transform, take: (piece: Buffer) => Promise<void>): Promise<void> {
  input.on('error', (error) => engine.destroy(error));
  input.pipe(engine);
  try {
    for await (const piece of engine as AsyncIterable<Buffer>) await take(piece);
  } catch (cause) {
    if (cause instanceof OciError) throw cause;
    throw damagedArchive('its data is cut off or was changed', cause);
  } finally {
    input.destroy();
    engine.destroy();
  }
}

/** Counts before it writes. */
class SpooledFile {
  length = 0;
  readonly #handle: FileHandle;
  readonly #maxBytes: number;

  constructor(handle: FileHandle, maxBytes: number) {
    this.#handle = handle;
    this.#maxBytes = maxBytes;
  }

  async write(piece: Buffer): Promise<void> {
    if (this.length + piece.length > this.#maxBytes) throw tooLarge(`it has more than ${this.#maxBytes} bytes`);
    for (let done = 0; done < piece.length; ) {
      done += (await this.#handle.write(piece, done).catch(refusedByDisk)).bytesWritten;
    }
    this.length += piece.length;
  }
}

function refusedByDisk(cause: unknown): never {
  const full =
    typeof cause === 'object' &&
    cause !== null &&
    'code' in cause &&
    (cause.code === 'ENOSPC' || cause.code === 'EDQUOT');
  throw full ? tooLarge('there is no room for it on this machine', cause) : cause;
}

function tooLarge(state: string, cause?: unknown): OciError {
  return new OciError('ARCHIVE_TOO_LARGE', `Cannot decompress the archive of the layout: ${state}`, {
    cause,
    hint: 'Give the layout as a folder, or raise the limit (max-archive-bytes) if it is meant to be that large',
  });
}
