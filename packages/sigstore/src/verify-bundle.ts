import { createHash } from 'node:crypto';
import {
  digestSetHas,
  parseEnvelope,
  parseSignedStatement,
  STATEMENT_PAYLOAD_TYPE,
  type Statement,
  type Subject,
} from '@paved/attestation';
import { type Digest, digestHex, sha256 } from '@paved/digest';
import type { Bundle } from '@sigstore/bundle';
import { parseBundle } from './bundle.js';
import { MESSAGE_HASH } from './bundle-format.js';
import type { BundleTransparency } from './bundle-run.js';
import { SigstoreError } from './error.js';
import type { CertificateExtensions } from './extensions.js';
import { isKeyPolicy, type KeyPolicy, readPolicyKey } from './key-policy.js';
import { assertIdentity, assertIdentityPolicy, type IdentityPolicy } from './policy.js';
import type { TrustedRoot } from './trusted-root.js';
import { type VerifiedKeyMaterial, verifyKeyMaterial } from './verify-key-material.js';
import { type DigestVerifier, type Transparency, verifyMaterial } from './verify-material.js';

interface VerificationOptions {
  /** Text of the bundle, as stored: `bundleSha256` is over these bytes. */
  readonly bundle: string;
  readonly trustedRoot: TrustedRoot;
  /** What the bundle must be about; computed by the caller from the bytes, never from a tag. */
  readonly artifactDigest: Digest;
  /** Needed for a message signature, and then hashed again. */
  readonly artifactBytes?: Uint8Array;
  /** Takes the place of `artifactBytes` for a message signature of which only the digest is known. */
  readonly digestVerifier?: DigestVerifier;
  /** The stored text of the envelope, where the timestamps are about that and not about the signature in it. */
  readonly timestampedEnvelope?: Uint8Array;
  /** Absent means any; a message signature has none and is refused when one is asked for. */
  readonly predicateType?: string;
  /** Default `required`. */
  readonly transparency?: Transparency;
}

export interface VerifyBundleOptions extends VerificationOptions {
  readonly policy: IdentityPolicy;
}

export interface VerifyKeyBundleOptions extends VerificationOptions {
  readonly policy: KeyPolicy;
}

/** What the certificate proves about the signer. */
export interface VerifiedIdentity extends CertificateExtensions {
  readonly san: string;
  readonly issuer: string;
}

interface VerifiedContent {
  readonly content: 'dsse' | 'message';
  readonly predicateType?: string;
  readonly statement?: Statement;
  readonly subjects: readonly Subject[];
  readonly bundleSha256: Digest;
}

export interface VerifiedBundle extends VerifiedContent {
  readonly identity: VerifiedIdentity;
  readonly signedAt: Date;
  readonly transparency: 'logged' | 'timestamp-only';
}

/** What a key's signature proves: nothing about who used the key. */
export interface VerifiedKeyBundle extends VerifiedContent {
  /** What the bundle says about its key; for messages. */
  readonly keyHint: string;
  /** Absent when nothing that is verified says when. */
  readonly signedAt?: Date;
  readonly transparency: BundleTransparency;
}

/**
 * Verifies one bundle offline: signature, issuer, timestamps, SCT, log, subject and identity, in this order. A `KeyPolicy`
 * takes the place of chain and identity for bundles of keys alone.
 * @throws {SigstoreError} with one code per failed check; the first one that fails is thrown
 */
export function verifyBundle(options: VerifyBundleOptions): VerifiedBundle;
export function verifyBundle(options: VerifyKeyBundleOptions): VerifiedKeyBundle;
export function verifyBundle(
  options: VerifyBundleOptions | VerifyKeyBundleOptions,
): VerifiedBundle | VerifiedKeyBundle {
  const { policy } = options;
  if (isKeyPolicy(policy)) readPolicyKey(policy);
  else assertIdentityPolicy(policy);
  return verifyParsedBundle(parseBundle(options.bundle), sha256(options.bundle), undefined, options);
}

/** What is known of a statement by who encoded it. */
export type KnownStatement = Pick<Statement, 'subject' | 'predicateType'>;

export type ParsedBundleOptions = Omit<VerificationOptions, 'bundle'> & { readonly policy: IdentityPolicy | KeyPolicy };

/** @param known absent: the statement is read from the payload, as it must be of everything that came from elsewhere */
export function verifyParsedBundle(
  bundle: Bundle,
  bundleSha256: Digest,
  known: KnownStatement | undefined,
  options: ParsedBundleOptions,
): VerifiedBundle | VerifiedKeyBundle {
  const { artifactDigest, artifactBytes, digestVerifier, policy, predicateType, timestampedEnvelope } = options;
  if (artifactBytes !== undefined) assertArtifactBytes(artifactBytes, artifactDigest);
  if (timestampedEnvelope !== undefined) assertOwnEnvelope(bundle, timestampedEnvelope);
  if (bundle.content.$case === 'messageSignature') {
    assertMessage(bundle, artifactDigest, artifactBytes, digestVerifier !== undefined);
  }
  const common = {
    bundle,
    trustedRoot: options.trustedRoot,
    transparency: options.transparency ?? 'required',
    ...(artifactBytes === undefined ? {} : { artifactBytes }),
    ...(digestVerifier === undefined ? {} : { digestVerifier }),
    ...(timestampedEnvelope === undefined ? {} : { timestamped: timestampedEnvelope }),
  };
  const verified = isKeyPolicy(policy) ? verifyKeyMaterial({ ...common, policy }) : verifyMaterial(common);
  const statement = known ?? readStatement(bundle);
  assertSubject(statement, artifactDigest);
  assertPredicateType(statement, predicateType);
  const content = contentOf(bundleSha256, bundle, statement, artifactDigest);
  if (!('certificate' in verified)) return { ...content, ...keyResult(verified) };
  if (isKeyPolicy(policy)) throw new SigstoreError('KEY_MISMATCH', 'Cannot verify a certificate under a key');
  const { certificate, signedAt, logged } = verified;
  assertIdentity(certificate, policy);
  const identity = { ...certificate.extensions, san: certificate.san, issuer: policy.issuer };
  return { ...content, identity, signedAt, transparency: logged ? 'logged' : 'timestamp-only' };
}

function keyResult({ hint, signedAt, logged }: VerifiedKeyMaterial) {
  const unlogged = signedAt === undefined ? 'none' : 'timestamp-only';
  const transparency: BundleTransparency = logged ? 'logged' : unlogged;
  return { keyHint: hint, transparency, ...(signedAt === undefined ? {} : { signedAt }) };
}

function assertArtifactBytes(bytes: Uint8Array, expected: Digest): void {
  const actual = sha256(bytes);
  if (actual !== expected) {
    throw new SigstoreError(
      'ARTIFACT_DIGEST_MISMATCH',
      `Cannot verify the artifact: its digest is ${actual}, expected ${expected}`,
    );
  }
}

/** A time of other bytes says nothing about this signature. */
function assertOwnEnvelope({ content }: Bundle, bytes: Uint8Array): void {
  const stamped = envelopeSignatures(bytes);
  const own = content.$case === 'dsseEnvelope' ? content.dsseEnvelope.signatures : [];
  const isSame = (sig: Buffer, index: number) => stamped[index]?.equals(sig) === true;
  if (own.length > 0 && own.length === stamped.length && own.every(({ sig }, index) => isSame(sig, index))) return;
  throw new SigstoreError('TIMESTAMP_INVALID', 'Cannot accept a timestamp: it is about another envelope', {
    hint: 'Give the envelope as it was stored beside its timestamp',
  });
}

function envelopeSignatures(bytes: Uint8Array): readonly Buffer[] {
  try {
    return parseEnvelope(Buffer.from(bytes).toString('utf8')).signatures.map(({ sig }) => sig);
  } catch {
    return [];
  }
}

function assertMessage(
  bundle: Bundle,
  artifactDigest: Digest,
  bytes: Uint8Array | undefined,
  digestIsEnough: boolean,
): void {
  if (bundle.content.$case !== 'messageSignature') return;
  if (bytes === undefined && !digestIsEnough) {
    throw new SigstoreError(
      'ARTIFACT_BYTES_MISSING',
      'Cannot verify a message signature: it covers the bytes of the artifact',
      {
        hint: 'Give the file itself beside its digest',
      },
    );
  }
  const { algorithm, digest } = bundle.content.messageSignature.messageDigest;
  // Keys over P-384 sign SHA-384; the bytes were held to their SHA-256 already.
  const about =
    algorithm === MESSAGE_HASH.sha384 && bytes !== undefined
      ? createHash('sha384').update(bytes).digest()
      : Buffer.from(digestHex(artifactDigest), 'hex');
  if (!digest.equals(about)) {
    throw new SigstoreError(
      'SUBJECT_MISMATCH',
      `Cannot accept the bundle: it is about ${digest.toString('hex').slice(0, 128)}, not ${artifactDigest}`,
    );
  }
}

function readStatement(bundle: Bundle): Statement | undefined {
  if (bundle.content.$case !== 'dsseEnvelope') return undefined;
  const { payloadType, payload } = bundle.content.dsseEnvelope;
  if (payloadType !== STATEMENT_PAYLOAD_TYPE) {
    throw new SigstoreError(
      'PAYLOAD_MALFORMED',
      `Cannot read the envelope: its payload is "${payloadType.slice(0, 100)}"`,
    );
  }
  try {
    return parseSignedStatement(payload);
  } catch (cause) {
    const empty = cause instanceof Error && 'code' in cause && cause.code === 'SUBJECTS_EMPTY';
    throw new SigstoreError(empty ? 'SUBJECT_EMPTY' : 'PAYLOAD_MALFORMED', 'Cannot read the signed statement', {
      cause,
    });
  }
}

/** Without it a valid bundle passes for every artifact. */
function assertSubject(statement: KnownStatement | undefined, artifactDigest: Digest): void {
  if (statement === undefined || statement.subject.some(({ digest }) => digestSetHas(digest, artifactDigest))) return;
  throw new SigstoreError(
    'SUBJECT_MISMATCH',
    `Cannot accept the statement: ${artifactDigest} is not among its subjects`,
    {
      hint: 'The bundle belongs to another artifact',
    },
  );
}

function assertPredicateType(statement: KnownStatement | undefined, expected: string | undefined): void {
  if (expected === undefined || statement?.predicateType === expected) return;
  const actual = statement === undefined ? 'not a statement' : `"${statement.predicateType.slice(0, 200)}"`;
  throw new SigstoreError(
    'PREDICATE_TYPE_MISMATCH',
    `Cannot accept the bundle: it is ${actual}, expected "${expected}"`,
  );
}

function contentOf(
  bundleSha256: Digest,
  bundle: Bundle,
  statement: Statement | KnownStatement | undefined,
  artifactDigest: Digest,
): VerifiedContent {
  return {
    content: bundle.content.$case === 'dsseEnvelope' ? 'dsse' : 'message',
    subjects: statement?.subject ?? [{ name: '', digest: { sha256: digestHex(artifactDigest) } }],
    bundleSha256,
    ...(statement === undefined ? {} : { predicateType: statement.predicateType }),
    ...(statement !== undefined && '_type' in statement ? { statement } : {}),
  };
}
