import { lstat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type FileProblem, listFilesBelow, sha256File } from '@paved/digest';
import { BomError } from './error.js';
import { byText, type SbomSubject } from './identity.js';

/** More files than this are an archive that somebody forgot to pack. */
const MAX_FILES = 10_000;

/**
 * Digests of the file `path`, or of every file below the folder `path`, computed here from the bytes; names are relative to the
 * folder, with `/`, sorted.
 * @throws {BomError} `SUBJECT_UNREADABLE`: nothing there, too much there, or a link (the digest would be of one file and the
 *   upload of another)
 */
export async function hashSubjects(path: string): Promise<readonly SbomSubject[]> {
  const info = await lstat(path).catch((cause: unknown) => {
    throw new BomError('SUBJECT_UNREADABLE', `Cannot describe "${path}": it does not exist`, {
      cause,
      hint: 'Name a file or folder that the build left there',
    });
  });
  if (!info.isDirectory() && !info.isFile()) throw refuse('not-regular', path, 'it is not a regular file');
  const names = info.isDirectory() ? await listFilesBelow(path, MAX_FILES, refuse) : [];
  if (info.isDirectory() && names.length === 0) {
    throw new BomError('SUBJECT_UNREADABLE', `Cannot describe "${path}": the folder has no files`, {
      hint: 'Check that the build leaves files where output-path says',
    });
  }
  const subjects: SbomSubject[] = [];
  if (info.isFile()) subjects.push({ name: basename(path), digest: await sha256File(path) });
  for (const name of [...names].sort(byText)) subjects.push({ name, digest: await sha256File(join(path, name)) });
  return subjects;
}

function refuse(problem: FileProblem, name: string, state: string): BomError {
  return new BomError('SUBJECT_UNREADABLE', `Cannot describe "${name}": ${state}`, {
    hint:
      problem === 'too-many'
        ? 'Name the folder of the artifact alone, or pack it into one file'
        : 'Replace links and special files by the files themselves',
  });
}
