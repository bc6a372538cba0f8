import { createHash } from 'node:crypto';
import { createWriteStream, type WriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { type Digest, parseDigest } from '@paved/digest';

const MAX_LOG_BYTES = 64 * 1024 * 1024;
const TAIL_CHARACTERS = 8 * 1024;
const FLUSH_CHARACTERS = 32 * 1024;
/** Pieces are gathered for so long, because each one is wrapped in two lines of its own. */
const GATHER_MS = 500;

/**
 * The command's output: whole in a file (up to 64 MiB), hashed, and in pieces of whole lines to `print`. It is hostile text:
 * `print` must be one that lets no workflow command through.
 */
export class BuildLog {
  readonly #file: WriteStream;
  readonly #hash = createHash('sha256');
  readonly #print: (text: string) => void;
  #size = 0;
  #pending = '';
  #tail = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(path: string, print: (text: string) => void) {
    this.#file = createWriteStream(path, { mode: 0o600 });
    this.#print = print;
  }

  readonly write = (chunk: Buffer): void => {
    const kept = chunk.subarray(0, Math.max(0, MAX_LOG_BYTES - this.#size));
    this.#size += chunk.length;
    if (kept.length === 0) return;
    this.#file.write(kept);
    this.#hash.update(kept);
    const text = kept.toString('utf8');
    this.#tail = (this.#tail + text).slice(-TAIL_CHARACTERS);
    this.#pending += text;
    if (this.#pending.length > FLUSH_CHARACTERS) this.#flushLines();
    else this.#timer ??= setTimeout(() => this.#flushLines(), GATHER_MS);
  };

  /** Closes the file and returns the digest of what is in it. */
  async close(): Promise<Digest> {
    clearTimeout(this.#timer);
    if (this.#pending !== '') this.#flush(this.#pending.length);
    if (this.#size > MAX_LOG_BYTES) this.#print(`(the log was cut at ${MAX_LOG_BYTES} bytes)`);
    this.#file.end();
    await finished(this.#file);
    return parseDigest(`sha256:${this.#hash.digest('hex')}`);
  }

  /** The last lines that have something in them, without control characters. */
  lastLines(count: number): readonly string[] {
    const lines = this.#tail.split(/[\r\n]+/).map((line) => line.replaceAll(/[^\x20-\x7e]+/g, ' ').trim());
    return lines.filter((line) => line !== '').slice(-count);
  }

  #flushLines(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const end = this.#pending.lastIndexOf('\n') + 1;
    if (end > 0 || this.#pending.length > FLUSH_CHARACTERS) this.#flush(end || this.#pending.length);
  }

  #flush(end: number): void {
    const text = this.#pending.slice(0, end);
    this.#pending = this.#pending.slice(end);
    for (let start = 0; start < text.length; start += FLUSH_CHARACTERS) {
      this.#print(text.slice(start, start + FLUSH_CHARACTERS).replace(/\n$/, ''));
    }
  }
}
