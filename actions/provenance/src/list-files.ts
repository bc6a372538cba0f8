import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ProvenanceError } from './error.js';

/** More files than this are an archive that somebody forgot to pack. */
const MAX_FILES = 100_000;

/**
 * Paths of all regular files below `folder`, relative, with `/`, sorted.
 * @throws {ProvenanceError} `SUBJECT_UNREADABLE` for a link or a special file: a link would let the digest be of one file and the
 *   upload of another
 */
export async function listFiles(folder: string): Promise<readonly string[]> {
  const names: string[] = [];
  await walk(folder, '', names);
  return names.sort();
}

async function walk(folder: string, prefix: string, names: string[]): Promise<void> {
  for (const entry of await readdir(join(folder, prefix), { withFileTypes: true })) {
    const name = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
    if (entry.isDirectory()) await walk(folder, name, names);
    else if (entry.isFile()) names.push(name);
    else
      throw new ProvenanceError('SUBJECT_UNREADABLE', `Cannot accept "${name}": it is not a regular file`, {
        hint: 'Replace links and special files by the files themselves',
      });
    if (names.length > MAX_FILES) {
      throw new ProvenanceError('SUBJECT_UNREADABLE', `Cannot list the files: there are more than ${MAX_FILES}`, {
        hint: 'Name the folder of the artifact alone, or pack it into one file',
      });
    }
  }
}
