import { constants } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { READ_BYTES } from './blob-source.js';
import { OciError } from './error.js';
import { readLimited } from './read-limited.js';
import type { FileRange } from './verified-file.js';

/** Named regular files, in a folder or in an archive; names that are not there, and anything but a regular file, are refused. */
export interface LayoutStore {
  /** Whether `name` is there at all. */
  has(name: string): Promise<boolean>;
  /** Bytes of `name`. */
  size(name: string): Promise<number>;
  /** @throws {OciError} `LAYOUT_INVALID` also when it has more than `maxBytes` */
  read(name: string, maxBytes: number): Promise<Buffer>;
  /** What is wrong with the name or the file comes as the stream's error. */
  open(name: string): Readable;
  /** Where its bytes stand; whoever asks closes the handle. */
  range(name: string): Promise<FileRange>;
}

/** A layout in a folder; `path` may itself be a link, nothing below it may. */
export class DirectoryStore implements LayoutStore {
  readonly #path: string;
  readonly #folders = new Map<string, Promise<void>>();

  constructor(path: string) {
    this.#path = path;
  }

  async has(name: string): Promise<boolean> {
    return (await lstat(join(this.#path, name)).catch(() => undefined)) !== undefined;
  }

  async size(name: string): Promise<number> {
    await this.#assertFolders(name);
    const stats = await lstat(join(this.#path, name)).catch(() => undefined);
    if (stats?.isFile() === true) return stats.size;
    throw invalid(name, 'it is missing or not a regular file');
  }

  async read(name: string, maxBytes: number): Promise<Buffer> {
    return await this.#with(name, async (handle) => {
      const bytes = await readLimited(handle, maxBytes);
      if (bytes === undefined) throw invalid(name, `it has more than ${maxBytes} bytes`);
      return bytes;
    });
  }

  open(name: string): Readable {
    return Readable.from(this.#chunks(name), { objectMode: false, highWaterMark: READ_BYTES });
  }

  async range(name: string): Promise<FileRange> {
    const handle = await this.#open(name);
    // Bytes behind the end that was expected would never be read.
    return { handle, start: 0 };
  }

  async *#chunks(name: string): AsyncGenerator<Buffer> {
    const handle = await this.#open(name);
    yield* handle.createReadStream({ highWaterMark: READ_BYTES });
  }

  async #with<T>(name: string, body: (handle: FileHandle) => Promise<T>): Promise<T> {
    const handle = await this.#open(name);
    try {
      return await body(handle);
    } finally {
      await handle.close();
    }
  }

  async #open(name: string): Promise<FileHandle> {
    await this.#assertFolders(name);
    return await openRegular(join(this.#path, name), name);
  }

  async #assertFolders(name: string): Promise<void> {
    const folders = name.split('/').slice(0, -1);
    // lstat of each: a link in place of `blobs` would let the layout reach files outside it.
    for (const [depth] of ['.', ...folders].entries()) {
      const folder = folders.slice(0, depth).join('/');
      // Once for each: a folder that is exchanged later changes bytes, and those are hashed whenever they are read.
      const checked = this.#folders.get(folder) ?? this.#assertFolder(folder);
      this.#folders.set(folder, checked);
      await checked;
    }
  }

  async #assertFolder(name: string): Promise<void> {
    // `path/.` looks behind a link that the user named; `path/blobs` does not.
    const stats = await lstat(join(this.#path, name === '' ? '.' : name)).catch(() => undefined);
    if (stats?.isDirectory() !== true) throw invalid(name === '' ? '.' : name, 'it is missing or not a directory');
  }
}

/** @throws {OciError} `LAYOUT_INVALID` for a link, a pipe, a device or nothing at all */
export async function openRegular(path: string, name: string): Promise<FileHandle> {
  try {
    // O_NONBLOCK: opening a named pipe must not hang.
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    if ((await handle.stat()).isFile()) return handle;
    await handle.close();
  } catch (cause) {
    throw new OciError('LAYOUT_INVALID', `Cannot read "${name}" of the layout: it is missing or a link`, {
      cause,
      hint: 'Write the layout again with the tool that built it, and pass it without changes',
    });
  }
  throw invalid(name, 'it is not a regular file');
}

export function invalid(name: string, state: string, hint?: string): OciError {
  const options = hint === undefined ? {} : { hint };
  const quoted = JSON.stringify(name.slice(0, 120));
  return new OciError('LAYOUT_INVALID', `Cannot read ${quoted} of the layout: ${state}`, options);
}
