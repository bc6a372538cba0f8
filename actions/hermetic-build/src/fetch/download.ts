import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { lstat, realpath, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { LimitStream } from '@paved/digest';
import { PavedError } from '@paved/errors';
import { type HttpClient, redactUrl } from '@paved/http';
import { isInside } from '@paved/sandbox';
import { HermeticBuildError } from '../error.js';
import type { PackageSource } from './package-source.js';

/** One archive in the bundle; its name is the digest that was locked. */
export interface StoredArchive {
  readonly path: string;
  readonly size: number;
  /** Lower-case hex, computed over the bytes as they were stored. */
  readonly sha256: string;
  readonly sha512: string;
}

export interface DownloadOptions {
  readonly http: HttpClient;
  readonly projectPath: string;
  readonly bundlePath: string;
  readonly maxBytes?: number;
}

const MAX_ARCHIVE_BYTES = 512 * 1024 * 1024;
const TIMEOUT_MS = 60_000;
const BODY_ATTEMPTS = 3;

/** What the bytes of a download are, as they were stored. */
export interface StoredBytes {
  readonly size: number;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly sha512: string;
}

/**
 * Downloads into a partial file and gives it the name that `accept` returns after it has checked the bytes; what it throws for
 * leaves nothing behind.
 * @throws {HermeticBuildError} `DEPENDENCY_OUTSIDE`, and what `accept` throws
 */
export async function storeFile(
  label: string,
  source: PackageSource,
  options: DownloadOptions,
  accept: (part: string, bytes: StoredBytes) => Promise<string>,
): Promise<StoredArchive> {
  const part = join(options.bundlePath, `.${randomUUID()}.part`);
  const limit = options.maxBytes ?? MAX_ARCHIVE_BYTES;
  for (let attempt = 1; ; attempt++) {
    const hasher = new DoubleHash();
    try {
      const body = await open(label, source, options);
      await pipeline(body, new LimitStream(`"${label}"`, limit), hasher, createWriteStream(part));
      const bytes = hasher.result();
      const path = join(options.bundlePath, await accept(part, bytes));
      await rename(part, path);
      return { path, ...bytes };
    } catch (error) {
      await rm(part, { force: true });
      // A connection that breaks within the body is not seen by the client's own retries.
      const final = error instanceof PavedError;
      if (final || source.$case === 'file' || attempt >= BODY_ATTEMPTS) throw error;
    }
  }
}

async function open(label: string, source: PackageSource, options: DownloadOptions): Promise<Readable> {
  if (source.$case === 'file') return createReadStream(await fileInside(label, source.path, options.projectPath));
  const request = { method: 'GET', url: source.url, timeoutMs: TIMEOUT_MS, redirect: 'follow' } as const;
  return (await options.http.request(request)).body;
}

async function fileInside(label: string, path: string, root: string): Promise<string> {
  const found = await realpath(join(root, path)).catch(() => undefined);
  if (found !== undefined && isInside(found, await realpath(root)) && (await lstat(found)).isFile()) return found;
  throw new HermeticBuildError('DEPENDENCY_OUTSIDE', `Cannot fetch "${label}": its file is not in the source tree`, {
    hint: 'Commit the file, or take the package from a registry',
  });
}

/**
 * The refusal of bytes that are not those of the lock file. Attack: an address of a lock file stands for something that its author
 * cannot read, and the digest in the log says what it is; so of a host that the user did not name it says nothing.
 */
export function mismatch(
  label: string,
  source: PackageSource,
  algorithm: string,
  found: string,
  locked: string,
): HermeticBuildError {
  const from = source.$case === 'url' ? redactUrl(source.url) : `file:${source.path}`;
  const isTold = source.$case === 'file' || source.isNamedByUser;
  const is = isTold ? `is ${found.slice(0, 16)}...` : 'is another one';
  const state = `${algorithm} of ${from} ${is}, the lock file has ${locked.slice(0, 16)}...`;
  return new HermeticBuildError('INTEGRITY_MISMATCH', `Cannot accept "${label}": ${state}`, {
    hint: 'Somebody changed the package or the lock file; do not refresh the lock file before you know which',
  });
}

class DoubleHash extends Transform {
  readonly #sha256 = createHash('sha256');
  readonly #sha512 = createHash('sha512');
  #size = 0;

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: (error: null, chunk: Buffer) => void): void {
    this.#sha256.update(chunk);
    this.#sha512.update(chunk);
    this.#size += chunk.length;
    done(null, chunk);
  }

  /** Once, after the stream has ended. */
  result(): { readonly sha256: string; readonly sha512: string; readonly size: number } {
    return { sha256: this.#sha256.digest('hex'), sha512: this.#sha512.digest('hex'), size: this.#size };
  }
}
