import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { digestHex } from '@paved/digest';
import type { HttpBodyWriter } from '@paved/http';
import { digestMismatch } from './blob-source.js';
import type { Descriptor } from './descriptor.js';

/** Where the bytes of a blob stand in a file. */
export interface FileRange {
  readonly handle: FileHandle;
  readonly start: number;
}

/** Large enough that copying and hashing take the time, not the threads that have to be woken for each read. */
const PIECE_BYTES = 1024 * 1024;
/** One that is read while another is hashed and a third is on the wire. */
const PIECES = 3;
/** Memory of uploads that have ended, for those that follow: without it each layer would leave 3 MiB for the collector. */
const MAX_SPARE = 24;
const spare: Buffer[] = [];

/**
 * Sends a blob from a file and does what `VerifiedBlobStream` does: its last piece leaves only when size and digest are those of
 * `descriptor`. Memory is used again when the piece in it was written, never before; so there are no streams between file and socket.
 */
export class VerifiedFileBody implements HttpBodyWriter {
  readonly length: number;
  readonly #open: () => Promise<FileRange>;
  readonly #descriptor: Descriptor;
  readonly #onBytes: ((count: number) => void) | undefined;
  readonly #stopping = new AbortController();

  constructor(open: () => Promise<FileRange>, descriptor: Descriptor, onBytes?: (count: number) => void) {
    this.length = descriptor.size;
    this.#open = open;
    this.#descriptor = descriptor;
    this.#onBytes = onBytes;
  }

  /** Ends what is being sent: the file is closed and nothing more is written. */
  stop(): void {
    this.#stopping.abort(new Error('The upload was ended'));
  }

  /** @throws {OciError} `DIGEST_MISMATCH` */
  async writeTo(outgoing: Writable): Promise<void> {
    const { signal } = this.#stopping;
    const range = await this.#open();
    let stop: () => void = () => undefined;
    const stopped = new Promise<never>((_, reject) => {
      stop = () => reject(signal.reason ?? new Error('The connection was closed'));
    });
    signal.addEventListener('abort', stop);
    // A request that is closed before it has a socket forgets the callbacks of its writes.
    outgoing.once('close', stop);
    if (signal.aborted || outgoing.destroyed) stop();
    try {
      await Promise.race([stopped, this.#copy(range, outgoing)]);
    } finally {
      signal.removeEventListener('abort', stop);
      outgoing.removeListener('close', stop);
      await range.handle.close();
    }
  }

  async #copy(range: FileRange, outgoing: Writable): Promise<void> {
    const { size, digest } = this.#descriptor;
    const hash = createHash(digest.slice(0, digest.indexOf(':')));
    const memory = takeMemory(size);
    const written: Promise<void>[] = [];
    if (size === 0) this.#assertDigest(hash.digest('hex'));
    let reading = size === 0 ? undefined : this.#fill(range, 0, memory[0]);
    for (let offset = 0, turn = 0; reading !== undefined; turn++) {
      const piece: Buffer = await reading;
      offset += piece.length;
      const from = offset;
      const next = (turn + 1) % PIECES;
      reading = from === size ? undefined : settled(written[next]).then(() => this.#fill(range, from, memory[next]));
      // It is awaited in the next turn; until then a failure has nobody else to hear it.
      reading?.catch(() => undefined);
      hash.update(piece);
      this.#onBytes?.(piece.length);
      if (from === size) this.#assertDigest(hash.digest('hex'));
      written[turn % PIECES] = write(outgoing, piece);
    }
    await Promise.all(written);
    // Only now: after a failure a read or a write may still be using its memory.
    giveBack(memory);
  }

  async #fill({ handle, start }: FileRange, offset: number, memory: Buffer | undefined): Promise<Buffer> {
    const { size } = this.#descriptor;
    const piece = (memory as Buffer).subarray(0, Math.min(PIECE_BYTES, size - offset));
    for (let filled = 0; filled < piece.length; ) {
      const position = start + offset + filled;
      const { bytesRead } = await handle.read(piece, filled, piece.length - filled, position);
      if (bytesRead === 0) {
        throw digestMismatch(this.#descriptor, `it has ${offset + filled} bytes, expected ${size}`);
      }
      filled += bytesRead;
    }
    return piece;
  }

  #assertDigest(found: string): void {
    if (found === digestHex(this.#descriptor.digest)) return;
    throw digestMismatch(this.#descriptor, 'its bytes have another digest');
  }
}

function takeMemory(size: number): readonly Buffer[] {
  if (size <= PIECE_BYTES) return [Buffer.allocUnsafeSlow(size)];
  return Array.from({ length: PIECES }, () => spare.pop() ?? Buffer.allocUnsafeSlow(PIECE_BYTES));
}

function giveBack(memory: readonly Buffer[]): void {
  for (const piece of memory) if (piece.length === PIECE_BYTES && spare.length < MAX_SPARE) spare.push(piece);
}

/** Ends when the socket has taken the bytes, so that their memory is free. */
function write(outgoing: Writable, piece: Buffer): Promise<void> {
  const written = new Promise<void>((resolve, reject) => {
    outgoing.write(piece, (error) => (error ? reject(error) : resolve()));
  });
  written.catch(() => undefined);
  return written;
}

async function settled(written: Promise<void> | undefined): Promise<void> {
  await written;
}
