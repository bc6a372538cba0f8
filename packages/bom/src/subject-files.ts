import { lstat, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { sha256File } from '@paved/digest';
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
  const names: string[] = [];
  if (info.isDirectory()) await walk(path, '', names);
  else if (!info.isFile()) throw notRegular(path);
  if (info.isDirectory() && names.length === 0) {
    throw new BomError('SUBJECT_UNREADABLE', `Cannot describe "${path}": the folder has no files`, {
      hint: 'Check that the build leaves files where output-path says',
    });
  }
  const subjects: SbomSubject[] = [];
  if (info.isFile()) subjects.push({ name: basename(path), digest: await sha256File(path) });
  for (const name of names.sort(byText)) subjects.push({ name, digest: await sha256File(join(path, name)) });
  return subjects;
}

async function walk(folder: string, prefix: string, names: string[]): Promise<void> {
  for (const entry of await readdir(join(folder, prefix), { withFileTypes: true })) {
    const name = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
    if (entry.isDirectory()) await walk(folder, name, names);
    else if (entry.isFile()) names.push(name);
    else throw notRegular(name);
    if (names.length > MAX_FILES) {
      throw new BomError('SUBJECT_UNREADABLE', `Cannot describe "${folder}": it has more than ${MAX_FILES} files`, {
        hint: 'Name the folder of the artifact alone, or pack it into one file',
      });
    }
  }
}

function notRegular(name: string): BomError {
  return new BomError('SUBJECT_UNREADABLE', `Cannot describe "${name}": it is not a regular file`, {
    hint: 'Replace links and special files by the files themselves',
  });
}
