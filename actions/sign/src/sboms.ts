import { buildStatement, PREDICATE_TYPES } from '@paved/attestation';
import { BomError, type CheckedSbom, checkSbom, MAX_SBOM_BYTES } from '@paved/bom';
import { releaseMemory } from '@paved/digest';
import { SignError } from './error.js';
import { type ListedFile, listFiles, readRegularFile } from './read-file.js';
import { type PendingStatement, pendingAround } from './statements.js';
import { type ReleasedArtifact, requireSubjects, sha256Digests, statementsAbout } from './subjects.js';

const SLOTS = { cyclonedx: 'sbom-cyclonedx', spdx: 'sbom-spdx' } as const;

/**
 * Rule 2: takes raw documents, schema-valid, and builds the statement itself: the subjects are the digests computed here, the
 * predicate type follows from the kind of document, never from a caller.
 * @throws {SignError} `PLANTED_STATEMENT`, `SUBJECTS_MISSING`, `SUBJECT_MISMATCH`
 * @throws {BomError} for a document that is no SBOM
 */
export async function readSboms(
  paths: readonly string[],
  artifact: ReleasedArtifact,
  perSubject: boolean,
): Promise<readonly PendingStatement[]> {
  const files = (await Promise.all(paths.map((path) => listFiles(path)))).flat();
  const results: PendingStatement[] = [];
  for (const file of files) results.push(...(await readSbom(file, artifact, perSubject)));
  return results;
}

async function readSbom(
  { name, path }: ListedFile,
  artifact: ReleasedArtifact,
  perSubject: boolean,
): Promise<readonly PendingStatement[]> {
  const bytes = await readRegularFile(path, MAX_SBOM_BYTES);
  const sbom = check(name, bytes);
  const subjects = requireSubjects(artifact, `"${name}"`);
  const released = sha256Digests(subjects);
  // An SBOM that names what it describes must describe what is released, or it is that of another build.
  if (sbom.subjects.length > 0 && !sbom.subjects.some((digest) => released.includes(digest))) {
    throw new SignError('SUBJECT_MISMATCH', `Cannot sign "${name}": it says that it describes another artifact`, {
      hint: 'Pass the SBOM of the files under subjects-path',
    });
  }
  const slot = SLOTS[sbom.kind];
  const statement = buildStatement({ predicateType: PREDICATE_TYPES[slot], subjects, predicate: undefined });
  const made = statementsAbout(statement, perSubject).map((part) => pendingAround(slot, part, sbom.canonical));
  for (const piece of [bytes, ...sbom.canonical]) releaseMemory(piece);
  return made;
}

function check(name: string, bytes: Buffer): CheckedSbom {
  try {
    return checkSbom(bytes);
  } catch (cause) {
    if (!(cause instanceof BomError) || cause.code !== 'SBOM_IS_STATEMENT') throw cause;
    throw new SignError('PLANTED_STATEMENT', `Cannot sign "${name}": it is a statement or an envelope already`, {
      cause,
      hint: 'Hand over raw documents; only this job makes statements',
    });
  }
}
