import {
  digestSetHas,
  digestSetOf,
  type Statement,
  type Subject,
  splitSubjects,
  withSubjects,
} from '@paved/attestation';
import { type Digest, parseDigest, sha256File } from '@paved/digest';
import { readChecksums } from './checksums.js';
import { SignError } from './error.js';
import { listFiles } from './read-file.js';

/** What is released, by digests that this job computed or got from its own layout. */
export interface ReleasedArtifact {
  /** Files of subjects-path, then the image. */
  readonly subjects: readonly Subject[];
  readonly image: Subject | undefined;
}

export interface ArtifactInputs {
  readonly subjectsPath: string | undefined;
  readonly imageName: string | undefined;
  readonly imageDigest: Digest | undefined;
  readonly checksums?: string | undefined;
}

/** @throws {SignError} `INPUT_INVALID` for half an image, `FILE_UNREADABLE` */
export async function collectSubjects({
  subjectsPath,
  imageName,
  imageDigest,
  checksums,
}: ArtifactInputs): Promise<ReleasedArtifact> {
  if ((imageName === undefined) !== (imageDigest === undefined)) {
    throw new SignError('INPUT_INVALID', 'Cannot name the image: image-name and image-digest go together', {
      hint: 'Set both, or neither',
    });
  }
  const image =
    imageName === undefined || imageDigest === undefined
      ? undefined
      : { name: imageName, digest: digestSetOf(imageDigest) };
  const files = subjectsPath === undefined ? [] : await listFiles(subjectsPath);
  const subjects: Subject[] = [];
  for (const { name, path } of files) subjects.push({ name, digest: digestSetOf(await sha256File(path)) });
  const named = checksums === undefined ? subjects : withSubjects(subjects, await readChecksums(checksums));
  return { subjects: image === undefined ? named : [...named, image], image };
}

/** @throws {SignError} `SUBJECTS_MISSING`: a statement about nothing would be one about everything */
export function requireSubjects({ subjects }: ReleasedArtifact, what: string): readonly Subject[] {
  if (subjects.length > 0) return subjects;
  throw new SignError('SUBJECTS_MISSING', `Cannot make a statement around ${what}: nothing says what it is about`, {
    hint: 'Set subjects-path to the folder of released files, or image-name and image-digest',
  });
}

/** @throws {SignError} `SUBJECT_MISMATCH` for a statement that names nothing of what is released here */
export function assertAboutArtifact(statement: Statement, { subjects }: ReleasedArtifact, what: string): void {
  const released = sha256Digests(subjects);
  if (released.length === 0) return;
  if (statement.subject.some(({ digest }) => released.some((known) => digestSetHas(digest, known)))) return;
  throw new SignError('SUBJECT_MISMATCH', `Cannot sign ${what}: it is about another artifact`, {
    hint: 'Pass the statement, the files and the digest of the same build',
  });
}

/** The subjects' sha256 digests; others cannot be in an index. */
export function sha256Digests(subjects: readonly Subject[]): readonly Digest[] {
  return subjects.flatMap(({ digest }) =>
    digest.sha256 === undefined ? [] : [parseDigest(`sha256:${digest.sha256}`)],
  );
}

/** The statement about all subjects, split where the limit asks for it, or one for each subject. */
export function statementsAbout<P>(statement: Statement<P>, perSubject: boolean): readonly Statement<P>[] {
  return splitSubjects(statement, perSubject ? 1 : undefined);
}
