import { digestSetHas, parseStatement, STATEMENT_PAYLOAD_TYPE, type Statement, type Subject } from '@paved/attestation';
import { type Digest, digestHex, sha256 } from '@paved/digest';
import type { Bundle } from '@sigstore/bundle';
import { parseBundle } from './bundle.js';
import { SigstoreError } from './error.js';
import type { CertificateExtensions } from './extensions.js';
import { assertIdentity, assertIdentityPolicy, type IdentityPolicy } from './policy.js';
import type { TrustedRoot } from './trusted-root.js';
import { type Transparency, type VerifiedMaterial, verifyMaterial } from './verify-material.js';

export interface VerifyBundleOptions {
  /** Text of the bundle, as stored: `bundleSha256` is over these bytes. */
  readonly bundle: string;
  readonly trustedRoot: TrustedRoot;
  /** What the bundle must be about; computed by the caller from the bytes, never from a tag. */
  readonly artifactDigest: Digest;
  /** Needed for a message signature, and then hashed again. */
  readonly artifactBytes?: Uint8Array;
  readonly policy: IdentityPolicy;
  /** Absent means any; a message signature has none and is refused when one is asked for. */
  readonly predicateType?: string;
  /** Default `required`. */
  readonly transparency?: Transparency;
}

/** What the certificate proves about the signer. */
export interface VerifiedIdentity extends CertificateExtensions {
  readonly san: string;
  readonly issuer: string;
}

export interface VerifiedBundle {
  readonly content: 'dsse' | 'message';
  readonly predicateType?: string;
  readonly statement?: Statement;
  readonly subjects: readonly Subject[];
  readonly identity: VerifiedIdentity;
  readonly signedAt: Date;
  readonly transparency: 'logged' | 'timestamp-only';
  readonly bundleSha256: Digest;
}

/**
 * Verifies one bundle offline: signature, chain, SCT, log inclusion, time, subject and identity, in this order.
 * @throws {SigstoreError} with one code per failed check; the first one that fails is thrown
 */
export function verifyBundle(options: VerifyBundleOptions): VerifiedBundle {
  const { artifactDigest, artifactBytes, policy, predicateType } = options;
  assertIdentityPolicy(policy);
  const bundle = parseBundle(options.bundle);
  if (artifactBytes !== undefined) assertArtifactBytes(artifactBytes, artifactDigest);
  if (bundle.content.$case === 'messageSignature') assertMessage(bundle, artifactDigest, artifactBytes);
  const material = verifyMaterial({
    bundle,
    trustedRoot: options.trustedRoot,
    transparency: options.transparency ?? 'required',
    ...(artifactBytes === undefined ? {} : { artifactBytes }),
  });
  const statement = readStatement(bundle);
  assertSubject(statement, artifactDigest);
  assertPredicateType(statement, predicateType);
  assertIdentity(material.certificate, policy);
  return result(options.bundle, bundle, material, statement, artifactDigest, policy);
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

function assertMessage(bundle: Bundle, artifactDigest: Digest, bytes: Uint8Array | undefined): void {
  if (bundle.content.$case !== 'messageSignature') return;
  if (bytes === undefined) {
    throw new SigstoreError(
      'ARTIFACT_BYTES_MISSING',
      'Cannot verify a message signature: it covers the bytes of the artifact',
      {
        hint: 'Give the file itself beside its digest',
      },
    );
  }
  const signed = bundle.content.messageSignature.messageDigest.digest.toString('hex');
  if (signed !== digestHex(artifactDigest)) {
    throw new SigstoreError(
      'SUBJECT_MISMATCH',
      `Cannot accept the bundle: it is about sha256:${signed}, not ${artifactDigest}`,
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
    return parseStatement(payload);
  } catch (cause) {
    const empty = cause instanceof Error && 'code' in cause && cause.code === 'SUBJECTS_EMPTY';
    throw new SigstoreError(empty ? 'SUBJECT_EMPTY' : 'PAYLOAD_MALFORMED', 'Cannot read the signed statement', {
      cause,
    });
  }
}

/** The check that @sigstore/verify leaves to its caller: without it a valid bundle passes for every artifact. */
function assertSubject(statement: Statement | undefined, artifactDigest: Digest): void {
  if (statement === undefined || statement.subject.some(({ digest }) => digestSetHas(digest, artifactDigest))) return;
  throw new SigstoreError(
    'SUBJECT_MISMATCH',
    `Cannot accept the statement: ${artifactDigest} is not among its subjects`,
    {
      hint: 'The bundle belongs to another artifact',
    },
  );
}

function assertPredicateType(statement: Statement | undefined, expected: string | undefined): void {
  if (expected === undefined || statement?.predicateType === expected) return;
  const actual = statement === undefined ? 'not a statement' : `"${statement.predicateType.slice(0, 200)}"`;
  throw new SigstoreError(
    'PREDICATE_TYPE_MISMATCH',
    `Cannot accept the bundle: it is ${actual}, expected "${expected}"`,
  );
}

function result(
  text: string,
  bundle: Bundle,
  material: VerifiedMaterial,
  statement: Statement | undefined,
  artifactDigest: Digest,
  policy: IdentityPolicy,
): VerifiedBundle {
  const { certificate, signedAt, logged } = material;
  return {
    content: bundle.content.$case === 'dsseEnvelope' ? 'dsse' : 'message',
    subjects: statement?.subject ?? [{ name: '', digest: { sha256: digestHex(artifactDigest) } }],
    identity: { ...certificate.extensions, san: certificate.san, issuer: policy.issuer },
    signedAt,
    transparency: logged ? 'logged' : 'timestamp-only',
    bundleSha256: sha256(text),
    ...(statement === undefined ? {} : { statement, predicateType: statement.predicateType }),
  };
}
