import { constants } from 'node:fs';
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** What is wrong with a file or folder. */
export type FileProblem = 'unreadable' | 'not-regular' | 'too-large' | 'too-many';

/** Makes the error of who asked; `state` is the end of its message. */
export type RefuseFile = (problem: FileProblem, name: string, state: string, cause?: unknown) => Error;

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
    const bytes = await readLimited(handle, size, maxBytes);
    if (bytes !== undefined) return bytes;
    throw refuse('too-large', path, `it grew beyond the limit of ${maxBytes} bytes while it was read`);
  } finally {
    await handle.close();
  }
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
