import { sha256 } from '@paved/digest';
import {
  type SignedBundle,
  type SigningSession,
  SigstoreError,
  type Transparency,
  type TrustedRoot,
  verifyBundle,
} from '@paved/sigstore';
import { SignError } from './error.js';
import { ownPolicy } from './job-claims.js';
import { type ListedFile, readRegularFile } from './read-file.js';
import type { PendingStatement } from './statements.js';
import { sha256Digests } from './subjects.js';
import type { SignedItem } from './write-bundles.js';

/** Files are held in memory while they are signed, a few at a time. */
const MAX_BLOB_BYTES = 512 * 1024 * 1024;
const BLOBS_AT_A_TIME = 4;

export interface SelfVerification {
  readonly trustedRoot: TrustedRoot | undefined;
  readonly transparency: Transparency;
  readonly serverUrl: string;
}

/** Signs everything or throws; what is signed here is not yet written anywhere. */
export async function signAll(
  session: SigningSession,
  statements: readonly PendingStatement[],
  blobs: readonly ListedFile[],
  verification: SelfVerification,
): Promise<readonly SignedItem[]> {
  const signed = await Promise.all(statements.map((statement) => signStatement(session, statement, verification)));
  for (let start = 0; start < blobs.length; start += BLOBS_AT_A_TIME) {
    const group = blobs.slice(start, start + BLOBS_AT_A_TIME);
    signed.push(...(await Promise.all(group.map((blob) => signBlob(session, blob, verification)))));
  }
  return signed;
}

async function signStatement(
  session: SigningSession,
  { slot, statement, bytes }: PendingStatement,
  verification: SelfVerification,
): Promise<SignedItem> {
  const bundle = await session.signStatement(bytes);
  const [digest] = sha256Digests(statement.subject);
  if (digest !== undefined) assertOwnBundle(session, bundle, verification, { artifactDigest: digest });
  const subjects = statement.subject.flatMap(({ name, digest: set }) =>
    sha256Digests([{ name, digest: set }]).map((value) => ({ name, digest: value })),
  );
  return { content: 'dsse', slot, predicateType: statement.predicateType, subjects, bundle };
}

async function signBlob(
  session: SigningSession,
  { name, path }: ListedFile,
  verification: SelfVerification,
): Promise<SignedItem> {
  const bytes = await readRegularFile(path, MAX_BLOB_BYTES);
  const bundle = await session.signBlob(bytes);
  const digest = sha256(bytes);
  assertOwnBundle(session, bundle, verification, { artifactDigest: digest, artifactBytes: bytes });
  return { content: 'message', slot: 'blob', subjects: [{ name, digest }], bundle, blobPath: path };
}

/** What our own verification refuses must not leave this job: somebody downstream would refuse it too late. */
function assertOwnBundle(
  session: SigningSession,
  bundle: SignedBundle,
  { trustedRoot, transparency, serverUrl }: SelfVerification,
  artifact: Pick<Parameters<typeof verifyBundle>[0], 'artifactDigest' | 'artifactBytes'>,
): void {
  if (trustedRoot === undefined) return;
  try {
    verifyBundle({
      ...artifact,
      bundle: bundle.json,
      trustedRoot,
      transparency,
      policy: ownPolicy(session.claims, serverUrl),
    });
  } catch (cause) {
    if (!(cause instanceof SigstoreError)) throw cause;
    throw new SignError('OWN_BUNDLE_REFUSED', `Cannot use what was signed: it does not verify (${cause.code})`, {
      cause,
      hint: 'Check that trusted-root belongs to the instance that fulcio-url, rekor-url and tsa-url name',
    });
  }
}
