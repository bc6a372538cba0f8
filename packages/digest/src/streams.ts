import { createHash } from 'node:crypto';
import { Transform, type TransformCallback } from 'node:stream';
import { type Digest, DigestError, parseDigest } from './digest.js';

/** Passes bytes through and hashes them; `digest` and `size` are valid once the stream has finished. */
export class DigestStream extends Transform {
  readonly #hash = createHash('sha256');
  #size = 0;
  #digest: Digest | undefined;

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#hash.update(chunk);
    this.#size += chunk.length;
    done(null, chunk);
  }

  override _flush(done: TransformCallback): void {
    this.#digest = parseDigest(`sha256:${this.#hash.digest('hex')}`);
    done();
  }

  /** Bytes seen so far. */
  get size(): number {
    return this.#size;
  }

  /** @throws {DigestError} `DIGEST_INVALID` while bytes are still expected */
  get digest(): Digest {
    if (this.#digest === undefined) {
      throw new DigestError('DIGEST_INVALID', 'Cannot read the digest of a stream: it has not ended yet');
    }
    return this.#digest;
  }
}

/** Fails with `SIZE_EXCEEDED` at the first byte above `maxBytes`, so that hostile input cannot fill memory or disk. */
export class LimitStream extends Transform {
  readonly #maxBytes: number;
  readonly #what: string;
  #size = 0;

  constructor(what: string, maxBytes: number) {
    super();
    this.#what = what;
    this.#maxBytes = maxBytes;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#size += chunk.length;
    if (this.#size > this.#maxBytes) {
      done(
        new DigestError('SIZE_EXCEEDED', `Cannot read ${this.#what}: it is larger than ${this.#maxBytes} bytes`, {
          hint: 'Check what is named: nothing of its kind is that large',
        }),
      );
      return;
    }
    done(null, chunk);
  }
}
