import { stat } from 'node:fs/promises';
import { buildStatement, digestSetOf, PREDICATE_TYPES } from '@paved/attestation';
import { sha256, sha256File } from '@paved/digest';
import {
  type BundleSigner,
  type IdentityPolicy,
  type KeyPolicy,
  Limiter,
  type OwnVerification,
  type SignedBundle,
  SigstoreError,
  type Transparency,
  type TrustedRoot,
} from '@paved/sigstore';
import { SignError } from './error.js';
import { type ListedFile, readRegularFile } from './read-file.js';
import { type PendingStatement, pending } from './statements.js';
import { sha256Digests } from './subjects.js';
import type { SignedItem } from './write-bundles.js';

/** Files are held in memory while they are signed, a few at a time. */
const MAX_BLOB_BYTES = 512 * 1024 * 1024;
const FILES_AT_A_TIME = 32;
const MAX_BYTES_AT_A_TIME = 64 * 1024 * 1024;

export interface SelfVerification {
  readonly trustedRoot: TrustedRoot | undefined;
  readonly transparency: Transparency;
  readonly policy: IdentityPolicy | KeyPolicy;
}

export interface PendingWork {
  readonly statements: readonly PendingStatement[];
  readonly blobs: readonly ListedFile[];
  readonly blobContent: 'message' | 'dsse';
}

/** Signs everything or throws; what is signed here is not yet written anywhere. */
export async function signAll(
  session: BundleSigner,
  { statements, blobs, blobContent }: PendingWork,
  verification: SelfVerification,
): Promise<readonly SignedItem[]> {
  const limiter = new Limiter(FILES_AT_A_TIME, MAX_BYTES_AT_A_TIME);
  const files = await Promise.all(blobs.map(async (blob) => ({ blob, size: (await stat(blob.path)).size })));
  return await Promise.all([
    ...statements.map((statement) => signStatement(session, statement, verification)),
    ...files.map(({ blob, size }) =>
      blobContent === 'dsse'
        ? limiter.run(0, () => signFileStatement(session, blob, verification))
        : limiter.run(size, () => signBlob(session, blob, verification)),
    ),
  ]);
}

async function signStatement(
  session: BundleSigner,
  { slot, header, bytes }: PendingStatement,
  verification: SelfVerification,
): Promise<SignedItem> {
  const bundle = await session.signStatement(bytes);
  const [digest] = sha256Digests(header.subject);
  const { subject, predicateType } = header;
  if (digest !== undefined) {
    assertOwnBundle(bundle, verification, { artifactDigest: digest, statement: { subject, predicateType } });
  }
  const subjects = subject.flatMap(({ name, digest: set }) =>
    sha256Digests([{ name, digest: set }]).map((value) => ({ name, digest: value })),
  );
  return { content: 'dsse', slot, predicateType, subjects, bundle };
}

/** A statement that says no more than that the signer knows these bytes; the file is hashed and never held. */
async function signFileStatement(
  session: BundleSigner,
  { name, path }: ListedFile,
  verification: SelfVerification,
): Promise<SignedItem> {
  const digest = await sha256File(path);
  const subjects = [{ name, digest: digestSetOf(digest) }];
  const statement = buildStatement({ predicateType: PREDICATE_TYPES.signature, subjects, predicate: {} });
  const item = await signStatement(session, pending('signature', statement), verification);
  return { ...item, slot: 'blob', blobPath: path };
}

async function signBlob(
  session: BundleSigner,
  { name, path }: ListedFile,
  verification: SelfVerification,
): Promise<SignedItem> {
  const bytes = await readRegularFile(path, MAX_BLOB_BYTES);
  const bundle = await session.signBlob(bytes);
  const digest = sha256(bytes);
  assertOwnBundle(bundle, verification, { artifactDigest: digest, artifactBytes: bytes });
  return { content: 'message', slot: 'blob', subjects: [{ name, digest }], bundle, blobPath: path };
}

/** Signs bytes that no file holds; verified as every other signature. */
export async function signPayload(
  session: BundleSigner,
  bytes: Buffer,
  verification: SelfVerification,
): Promise<SignedBundle> {
  const bundle = await session.signBlob(bytes);
  assertOwnBundle(bundle, verification, { artifactDigest: sha256(bytes), artifactBytes: bytes });
  return bundle;
}

/** What our own verification refuses must not leave this job: somebody downstream would refuse it too late. */
function assertOwnBundle(
  bundle: SignedBundle,
  { trustedRoot, transparency, policy }: SelfVerification,
  artifact: Pick<OwnVerification, 'artifactDigest' | 'artifactBytes' | 'statement'>,
): void {
  if (trustedRoot === undefined) return;
  try {
    bundle.assertVerifies({ ...artifact, trustedRoot, transparency, policy });
  } catch (cause) {
    if (!(cause instanceof SigstoreError)) throw cause;
    throw new SignError('OWN_BUNDLE_REFUSED', `Cannot use what was signed: it does not verify (${cause.code})`, {
      cause,
      hint: 'Check that trusted-root belongs to the instance that fulcio-url, rekor-url and tsa-url name',
    });
  }
}
