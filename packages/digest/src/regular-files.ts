import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Digest, DigestError } from './digest.js';
import { DigestStream, LimitStream } from './streams.js';

/** What is wrong with a file or folder. */
export type FileProblem = 'unreadable' | 'not-regular' | 'too-large' | 'too-many';

/** Makes the error of who asked; `state` is the end of its message. */
export type RefuseFile = (problem: FileProblem, name: string, state: string, cause?: unknown) => Error;

const CHUNK_BYTES = 256 * 1024;

/** Opening a FIFO that nobody writes to would wait for ever. */
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Names of all regular files below `folder`, relative, with `/`, sorted. A link or a special file is refused: it could be another file
 * when it is read.
 */
export async function listFilesBelow(folder: string, maxFiles: number, refuse: RefuseFile): Promise<readonly string[]> {
  const names: string[] = [];
  const walk = async (prefix: string): Promise<void> => {
    for (const entry of await readdir(join(folder, prefix), { withFileTypes: true })) {
      const name = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
      if (entry.isDirectory()) await walk(name);
      else if (entry.isFile()) names.push(name);
      else throw refuse('not-regular', name, 'it is not a regular file');
      if (names.length > maxFiles) throw refuse('too-many', folder, `it has more than ${maxFiles} files`);
    }
  };
  await walk('');
  return names.sort();
}

/**
 * Reads a regular file once, at most `maxBytes`, also when it grows meanwhile; what was read is what counts, whatever happens to the
 * file later. A link is not followed.
 */
export async function readRegularFile(path: string, maxBytes: number, refuse: RefuseFile): Promise<Buffer> {
  return await withRegularFile(path, maxBytes, refuse, async (handle, { size }) => {
    const bytes = await readLimited(handle, size, maxBytes);
    if (bytes !== undefined) return bytes;
    throw grown(path, maxBytes, refuse);
  });
}

/** A file that was listed: where it is asked for, and where it really lay then. */
export interface ListedFile {
  readonly path: string;
  readonly realPath: string;
}

/** What was copied, as it was read. */
export interface CopiedFile {
  readonly size: number;
  readonly digest: Digest;
}

/**
 * Copies a regular file of any size, at most `maxBytes`, to `target`, which must not exist and keeps only whether anybody may execute it.
 * Attack: a folder above it became a link after it was listed; so the file that is open has to be the one at `realPath`.
 */
export async function copyRegularFile(
  { path, realPath }: ListedFile,
  target: string,
  maxBytes: number,
  refuse: RefuseFile,
): Promise<CopiedFile> {
  return await withRegularFile(path, maxBytes, refuse, async (handle, { mode }) => {
    if (!(await isAt(handle, path, realPath))) throw refuse('not-regular', path, 'it is not the file that was listed');
    const copy = await open(target, 'wx', 0o600);
    const hash = new DigestStream();
    try {
      await pipeline(chunksOf(handle), new LimitStream(path, maxBytes), hash, (chunks: AsyncIterable<Buffer>) =>
        copy.writeFile(chunks),
      );
      await copy.chmod((mode & 0o111) === 0 ? 0o644 : 0o755);
    } catch (cause) {
      throw cause instanceof DigestError ? grown(path, maxBytes, refuse) : cause;
    } finally {
      await copy.close();
    }
    return { size: hash.size, digest: hash.digest };
  });
}

async function* chunksOf(handle: FileHandle): AsyncGenerator<Buffer> {
  for (;;) {
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

/** The path alone could be put back in time, so the file that it leads to has to be the one that is open. */
async function isAt(handle: FileHandle, path: string, realPath: string): Promise<boolean> {
  const found = await realpath(path).catch(() => undefined);
  if (found !== realPath) return false;
  const [own, named] = [await handle.stat({ bigint: true }), await lstat(found, { bigint: true })];
  return own.dev === named.dev && own.ino === named.ino;
}

async function withRegularFile<T>(
  path: string,
  maxBytes: number,
  refuse: RefuseFile,
  use: (handle: FileHandle, info: { readonly size: number; readonly mode: number }) => Promise<T>,
): Promise<T> {
  const handle = await open(path, FLAGS).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') throw refuse('unreadable', path, 'it does not exist', cause);
    if (cause.code === 'ELOOP') throw refuse('not-regular', path, 'it is not a regular file', cause);
    throw refuse('unreadable', path, 'it cannot be opened', cause);
  });
  try {
    const info = await handle.stat();
    const { size } = info;
    if (!info.isFile()) throw refuse('not-regular', path, 'it is not a regular file');
    if (size > maxBytes) throw refuse('too-large', path, `it has ${size} bytes, the limit is ${maxBytes}`);
    return await use(handle, info);
  } finally {
    await handle.close();
  }
}

function grown(path: string, maxBytes: number, refuse: RefuseFile): Error {
  return refuse('too-large', path, `it grew beyond the limit of ${maxBytes} bytes while it was read`);
}

/** Who may write may also append: what was asked for once is not what is there a moment later. `undefined` for more than `maxBytes`. */
async function readLimited(handle: FileHandle, expected: number, maxBytes: number): Promise<Buffer | undefined> {
  let bytes = Buffer.allocUnsafe(Math.min(expected, maxBytes) + 1);
  let filled = 0;
  for (;;) {
    const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled);
    filled += bytesRead;
    if (filled > maxBytes) return undefined;
    if (bytesRead === 0) return bytes.subarray(0, filled);
    if (filled === bytes.length) bytes = Buffer.concat([bytes, Buffer.allocUnsafe(filled)]);
  }
}
