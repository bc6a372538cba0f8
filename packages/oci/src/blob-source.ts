import { createHash } from 'node:crypto';
import { Readable, Transform, type TransformCallback } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { digestHex } from '@paved/digest';
import { eachChunk } from '@paved/http';
import type { Descriptor } from './descriptor.js';
import { OciError } from './error.js';
import type { FileRange } from './verified-file.js';

/** Files are read in pieces of this size: large enough that hashing and sending, not calls, take the time. */
export const READ_BYTES = 1024 * 1024;

/** Content that can be opened any number of times; each reading is checked against `descriptor` by who reads it. */
export interface BlobSource {
  readonly descriptor: Descriptor;
  readonly open: () => Readable;
  /** Where the bytes stand in a file, opened anew each time; whoever asks closes it. */
  readonly range?: () => Promise<FileRange>;
}

export function bytesSource(descriptor: Descriptor, bytes: Uint8Array): BlobSource {
  return { descriptor, open: () => Readable.from([bytes]) };
}

/**
 * The whole blob in memory, checked.
 * @throws {OciError} `DIGEST_MISMATCH`, `LAYOUT_INVALID` when it is larger than `maxBytes`
 */
export async function readBlob(source: BlobSource, maxBytes: number): Promise<Buffer> {
  const { digest, size } = source.descriptor;
  if (size > maxBytes) {
    throw new OciError('LAYOUT_INVALID', `Cannot read ${digest}: it has ${size} bytes, the limit is ${maxBytes}`, {
      hint: 'Write the layout again with the tool that built it, and pass it without changes',
    });
  }
  const chunks: Buffer[] = [];
  await pipeline(source.open(), new VerifiedBlobStream(source.descriptor), async (checked) => {
    for await (const chunk of checked as AsyncIterable<Buffer>) chunks.push(chunk);
  });
  return Buffer.concat(chunks);
}

/**
 * The whole of `body` in memory, checked; for what is small, where a pipeline of streams would take longer than the bytes.
 * @throws {OciError} `DIGEST_MISMATCH`, after at most one chunk more than `descriptor.size`
 */
export async function readChecked(body: Readable, descriptor: Descriptor): Promise<Buffer> {
  const hash = createHash(algorithmOf(descriptor));
  const chunks: Buffer[] = [];
  let size = 0;
  await eachChunk(body, (chunk) => {
    size += chunk.length;
    if (size > descriptor.size) throw digestMismatch(descriptor, `it has more than ${descriptor.size} bytes`);
    hash.update(chunk);
    chunks.push(chunk);
  });
  assertBlob(descriptor, size, hash.digest('hex'));
  return Buffer.concat(chunks);
}

function algorithmOf({ digest }: Descriptor): string {
  return digest.slice(0, digest.indexOf(':'));
}

function assertBlob(descriptor: Descriptor, size: number, hex: string): void {
  if (size !== descriptor.size) {
    throw digestMismatch(descriptor, `it has ${size} bytes, expected ${descriptor.size}`);
  }
  if (hex !== digestHex(descriptor.digest)) throw digestMismatch(descriptor, 'its bytes have another digest');
}

/**
 * Passes bytes through one chunk late and gives the last chunk free only when size and digest are those of `descriptor`.
 * A receiver that was promised `size` bytes therefore never holds a complete wrong blob.
 * @throws {OciError} `DIGEST_MISMATCH` as the stream's error
 */
export class VerifiedBlobStream extends Transform {
  readonly #descriptor: Descriptor;
  readonly #hash;
  readonly #onBytes: ((count: number) => void) | undefined;
  #held: Buffer | undefined;
  #size = 0;

  /** @param onBytes called with the length of each chunk that arrives */
  constructor(descriptor: Descriptor, onBytes?: (count: number) => void) {
    // One chunk of a file in and one held back: larger buffers would only take memory.
    super({ highWaterMark: READ_BYTES });
    this.#onBytes = onBytes;
    this.#descriptor = descriptor;
    this.#hash = createHash(algorithmOf(descriptor));
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#hash.update(chunk);
    this.#size += chunk.length;
    this.#onBytes?.(chunk.length);
    if (this.#size > this.#descriptor.size) {
      done(digestMismatch(this.#descriptor, `it has more than ${this.#descriptor.size} bytes`));
      return;
    }
    if (this.#held !== undefined) this.push(this.#held);
    this.#held = chunk;
    done();
  }

  override _flush(done: TransformCallback): void {
    try {
      assertBlob(this.#descriptor, this.#size, this.#hash.digest('hex'));
    } catch (error) {
      done(error as OciError);
      return;
    }
    done(null, this.#held);
  }
}

export function digestMismatch({ digest }: Descriptor, state: string): OciError {
  return new OciError('DIGEST_MISMATCH', `Cannot accept blob ${digest}: ${state}`, {
    hint: 'The content changed or was damaged on the way; build it again',
  });
}
