import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type FileProblem, listFilesBelow } from '@paved/digest';
import { EvidenceError } from './error.js';

const MAX_FILES = 100_000;

/** `name` is relative to what was given, with `/`. */
export interface FoundFile {
  readonly name: string;
  readonly source: string;
}

/** The regular files that `path` stands for, sorted: itself, or everything below it. @throws {EvidenceError} `PACK_INVALID` */
export async function listFiles(path: string): Promise<readonly FoundFile[]> {
  const info = await stat(path);
  if (info.isFile()) return [{ name: basename(path), source: path }];
  if (!info.isDirectory()) throw refuse('not-regular', path, 'it is neither a regular file nor a folder');
  const names = await listFilesBelow(path, MAX_FILES, refuse);
  return names.map((name) => ({ name, source: join(path, name) }));
}

function refuse(problem: FileProblem, name: string, state: string): EvidenceError {
  return new EvidenceError('PACK_INVALID', `Cannot take "${name}" into the pack: ${state}`, {
    hint:
      problem === 'too-many'
        ? 'Pack them into one file before'
        : 'Replace links and special files by the files themselves: reading a pipe or device may never end',
  });
}
