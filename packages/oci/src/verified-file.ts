import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { digestHex } from '@paved/digest';
import { digestMismatch } from './blob-source.js';
import type { Descriptor } from './descriptor.js';

/** Where the bytes of a blob stand in a file. */
export interface FileRange {
  readonly handle: FileHandle;
  readonly start: number;
}

/** Above what a socket takes before it asks to wait, so that each piece waits for the one before; see {@link VerifiedFileStream}. */
const PIECE_BYTES = 256 * 1024;
/** One on the wire, one waiting to be written, one held back, one being filled, and two to spare. */
const PIECES = 6;

/**
 * Reads a blob from a file and does what `VerifiedBlobStream` does: its last piece comes only when size and digest are those of
 * `descriptor`. The pieces' memory is used again and again, which saves a third of the time of an upload; so it may only be piped to
 * a writer that asks to wait for each piece and takes the next when that one is gone, as a request does. Were that ever untrue, the
 * registry would get other bytes than were hashed, and refuse them by their digest.
 * @throws {OciError} `DIGEST_MISMATCH` as the stream's error
 */
export class VerifiedFileStream extends Readable {
  readonly #open: () => Promise<FileRange>;
  readonly #descriptor: Descriptor;
  readonly #onBytes: ((count: number) => void) | undefined;
  readonly #hash;
  readonly #pieces: Buffer[] = [];
  #range: FileRange | undefined;
  #turn = 0;
  #size = 0;
  #held: Buffer | undefined;
  #found: string | undefined;

  constructor(open: () => Promise<FileRange>, descriptor: Descriptor, onBytes?: (count: number) => void) {
    super({ highWaterMark: PIECE_BYTES });
    this.#open = open;
    this.#descriptor = descriptor;
    this.#onBytes = onBytes;
    this.#hash = createHash(descriptor.digest.slice(0, descriptor.digest.indexOf(':')));
  }

  override _construct(done: (error?: Error | null) => void): void {
    this.#open().then((range) => {
      this.#range = range;
      done();
    }, done);
  }

  override _read(): void {
    this.#next().then(
      (piece) => this.push(piece),
      (error) => this.destroy(error),
    );
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const closing = this.#range?.handle.close() ?? Promise.resolve();
    closing.then(
      () => done(error),
      (cause) => done(error ?? cause),
    );
  }

  /** The piece that was held back, once the one behind it is read and hashed; `null` after the last. */
  async #next(): Promise<Buffer | null> {
    if (this.#size === this.#descriptor.size) {
      const last = this.#held ?? null;
      this.#held = undefined;
      this.#assertDigest();
      return last;
    }
    const piece = await this.#fill();
    this.#size += piece.length;
    this.#hash.update(piece);
    this.#onBytes?.(piece.length);
    const before = this.#held;
    this.#held = piece;
    return before ?? (await this.#next());
  }

  async #fill(): Promise<Buffer> {
    const length = Math.min(PIECE_BYTES, this.#descriptor.size - this.#size);
    const slot = this.#turn++ % PIECES;
    const memory = this.#pieces[slot] ?? Buffer.allocUnsafeSlow(length);
    this.#pieces[slot] = memory;
    const piece = memory.subarray(0, length);
    const { handle, start } = this.#range as FileRange;
    for (let filled = 0; filled < length; ) {
      const { bytesRead } = await handle.read(piece, filled, length - filled, start + this.#size + filled);
      if (bytesRead === 0) {
        throw digestMismatch(
          this.#descriptor,
          `it has ${this.#size + filled} bytes, expected ${this.#descriptor.size}`,
        );
      }
      filled += bytesRead;
    }
    return piece;
  }

  #assertDigest(): void {
    // Asked twice: for the last piece, and for what comes behind it.
    this.#found ??= this.#hash.digest('hex');
    if (this.#found === digestHex(this.#descriptor.digest)) return;
    throw digestMismatch(this.#descriptor, 'its bytes have another digest');
  }
}
