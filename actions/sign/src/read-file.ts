import { constants } from 'node:fs';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { SignError } from './error.js';

/** More files than this are a folder named by mistake. */
const MAX_FILES = 100_000;

/** Opening a FIFO that nobody writes to would wait for ever. */
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** A file to be read later; `name` is relative to what the user named, with `/`. */
export interface ListedFile {
  readonly name: string;
  readonly path: string;
}

/**
 * The file itself, or every regular file below a folder, sorted by name.
 * @throws {SignError} `FILE_UNREADABLE` for a link or special file: it could be another file when it is read
 */
export async function listFiles(path: string): Promise<readonly ListedFile[]> {
  const info = await stat(path).catch((cause: unknown) => {
    throw new SignError('FILE_UNREADABLE', `Cannot read "${path}": it does not exist`, {
      cause,
      hint: 'Name a file or folder that an earlier step or hand-over left there',
    });
  });
  if (info.isFile()) return [{ name: basename(path), path }];
  if (!info.isDirectory()) {
    throw new SignError('FILE_UNREADABLE', `Cannot read "${path}": it is neither a regular file nor a folder`, {
      hint: 'Name a regular file: reading a pipe or device may never end',
    });
  }
  const files: ListedFile[] = [];
  await walk(path, '', files);
  return files.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function walk(root: string, prefix: string, files: ListedFile[]): Promise<void> {
  for (const entry of await readdir(join(root, prefix), { withFileTypes: true })) {
    const name = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
    if (entry.isDirectory()) await walk(root, name, files);
    else if (entry.isFile()) files.push({ name, path: join(root, name) });
    else
      throw new SignError('FILE_UNREADABLE', `Cannot accept "${name}": it is not a regular file`, {
        hint: 'Replace links and special files by the files themselves before the hand-over',
      });
    if (files.length > MAX_FILES) {
      throw new SignError('FILE_UNREADABLE', `Cannot list "${root}": it has more than ${MAX_FILES} files`, {
        hint: 'Name the folder of the artifact alone, or pack it into one file',
      });
    }
  }
}

/** Reads a regular file once, at most `maxBytes`; what was read is what is signed, whatever happens to the file later. */
export async function readRegularFile(path: string, maxBytes: number): Promise<Buffer> {
  const refuse = (state: string, cause?: unknown) =>
    new SignError('FILE_UNREADABLE', `Cannot read "${path}": ${state}`, {
      ...(cause === undefined ? {} : { cause }),
      hint: 'Name a regular file within the limit; a link is not followed',
    });
  const handle = await open(path, FLAGS).catch((cause: unknown) => {
    throw refuse('it cannot be opened', cause);
  });
  try {
    const info = await handle.stat();
    if (!info.isFile()) throw refuse('it is not a regular file');
    if (info.size > maxBytes) throw refuse(`it has ${info.size} bytes, the limit is ${maxBytes}`);
    const bytes = await readLimited(handle, info.size, maxBytes);
    if (bytes === undefined) throw refuse(`it grew beyond the limit of ${maxBytes} bytes while it was read`);
    return bytes;
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
