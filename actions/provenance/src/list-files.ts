import { type FileProblem, listFilesBelow } from '@paved/digest';
import { ProvenanceError } from './error.js';

/** More files than this are an archive that somebody forgot to pack. */
const MAX_FILES = 100_000;

/**
 * Paths of all regular files below `folder`, relative, with `/`, sorted.
 * @throws {ProvenanceError} `SUBJECT_UNREADABLE` for a link or a special file: a link would let the digest be of one file and the
 *   upload of another
 */
export async function listFiles(folder: string): Promise<readonly string[]> {
  return await listFilesBelow(folder, MAX_FILES, refuse);
}

function refuse(problem: FileProblem, name: string, state: string): ProvenanceError {
  return new ProvenanceError('SUBJECT_UNREADABLE', `Cannot accept "${name}": ${state}`, {
    hint:
      problem === 'too-many'
        ? 'Name the folder of the artifact alone, or pack it into one file'
        : 'Replace links and special files by the files themselves',
  });
}
