import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type FileProblem, listFilesBelow, readRegularFile as readFile } from '@paved/digest';
import { SignError } from './error.js';

/** More files than this are a folder named by mistake. */
const MAX_FILES = 100_000;

const HINTS: Readonly<Record<FileProblem, string>> = {
  unreadable: 'Name a file or folder that an earlier step or hand-over left there',
  'not-regular': 'Name regular files: links and special files could be others when they are read, or never end',
  'too-large': 'Name a regular file within the limit',
  'too-many': 'Name the folder of the artifact alone, or pack it into one file',
};

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
    throw refuse('unreadable', path, 'it does not exist', cause);
  });
  if (info.isFile()) return [{ name: basename(path), path }];
  if (!info.isDirectory()) throw refuse('not-regular', path, 'it is neither a regular file nor a folder');
  const names = await listFilesBelow(path, MAX_FILES, refuse);
  return names.map((name) => ({ name, path: join(path, name) }));
}

/** Reads a regular file once, at most `maxBytes`; what was read is what is signed, whatever happens to the file later. */
export async function readRegularFile(path: string, maxBytes: number): Promise<Buffer> {
  return await readFile(path, maxBytes, refuse);
}

function refuse(problem: FileProblem, name: string, state: string, cause?: unknown): SignError {
  return new SignError('FILE_UNREADABLE', `Cannot read "${name}": ${state}`, { cause, hint: HINTS[problem] });
}
