import { createHash, type KeyObject } from 'node:crypto';
import { pae } from '@paved/attestation';
import type { Bundle } from '@sigstore/bundle';
import { HashAlgorithm } from '@sigstore/protobuf-specs';
import { type SignedEntity, toSignedEntity, Verifier } from '@sigstore/verify';
import { SigstoreError } from './error.js';
import { hashOf, isSignature, type KeyAlgorithm } from './key-algorithm.js';
import { type KeyPolicy, readPolicyKey } from './key-policy.js';
import { assertLogEntry } from './log-entry.js';
import { codeOf, isSigned, logCause } from './refusal-cause.js';
import { signatureOf, signedDigest } from './signed-content.js';
import type { TrustedRoot } from './trusted-root.js';
import { type DigestVerifier, entityTimes, type Transparency, withTimestamped } from './verify-material.js';

export interface KeyMaterialOptions {
  readonly bundle: Bundle;
  readonly trustedRoot: TrustedRoot;
  readonly artifactBytes?: Uint8Array;
  readonly digestVerifier?: DigestVerifier;
  /** What the timestamps are about instead of the signature; the caller knows that it holds the signature. */
  readonly timestamped?: Uint8Array;
  readonly policy: KeyPolicy;
  readonly transparency: Transparency;
}

export interface VerifiedKeyMaterial {
  readonly hint: string;
  /** Absent when neither a timestamp authority nor a log's promise says when. */
  readonly signedAt?: Date;
  readonly logged: boolean;
}

/**
 * Verifies a bundle under the policy's key: signature, log inclusion, timestamps and the key's time of validity.
 * @throws {SigstoreError} one code per failed check
 */
export function verifyKeyMaterial(options: KeyMaterialOptions): VerifiedKeyMaterial {
  const { bundle, trustedRoot, policy, transparency } = options;
  const { publicKey, algorithm } = readPolicyKey(policy);
  const { content, tlogEntries } = bundle.verificationMaterial;
  if (content.$case !== 'publicKey') {
    throw new SigstoreError('KEY_MISMATCH', 'Cannot verify the bundle under a key: it was signed with a certificate', {
      hint: 'Verify it under an identity policy',
    });
  }
  if (transparency === 'required' && tlogEntries.length === 0) {
    throw new SigstoreError('LOG_ENTRY_MISSING', 'Cannot accept the bundle: it has no transparency log entry');
  }
  const own = { ...readEntity(bundle), signature: contentUnder(options, algorithm) };
  const entity = withTimestamped(own, options.timestamped);
  const times = entityTimes(entity);
  const bounded = policy.validFrom !== undefined || policy.validUntil !== undefined;
  if (bounded && times.length === 0) {
    throw new SigstoreError('TIMESTAMP_MISSING', 'Cannot accept the bundle: nothing signed says when it was made');
  }
  runVerifier(entity, trustedRoot, publicKey, policy, transparency);
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  for (const entry of tlogEntries) assertLogEntry(entry, bundle, spki);
  return {
    hint: content.publicKey.hint,
    logged: tlogEntries.length > 0,
    ...(times.length === 0 ? {} : { signedAt: new Date(Math.min(...times.map((time) => time.getTime()))) }),
  };
}

function readEntity(bundle: Bundle): SignedEntity {
  try {
    return toSignedEntity(bundle);
  } catch (cause) {
    throw new SigstoreError('TIMESTAMP_INVALID', 'Cannot read a timestamp of the bundle', { cause });
  }
}

/** The library knows one hash and no PSS: what is signed, and how, is decided by the policy's key here. */
function contentUnder(
  { bundle: { content }, artifactBytes, digestVerifier }: KeyMaterialOptions,
  algorithm: KeyAlgorithm,
): SignedEntity['signature'] {
  const signature = signatureOf(content);
  const { digest } = signedDigest(content, hashOf(algorithm));
  const signed = content.$case === 'dsseEnvelope' ? envelopeBytes(content.dsseEnvelope) : artifactBytes;
  const verifySignature = signatureVerifier(algorithm, signed, digest, signature, digestVerifier);
  if (verifySignature === undefined)
    throw new SigstoreError('ARTIFACT_BYTES_MISSING', 'Cannot verify a signature without its file');
  if (content.$case === 'messageSignature' && signed !== undefined)
    assertMessageDigest(content.messageSignature.messageDigest, signed);
  return {
    signature,
    compareSignature: (other) => other.equals(signature),
    compareSignedDigest: (other) => other.equals(digest),
    compareDigest: (other) =>
      other.equals(
        content.$case === 'dsseEnvelope' ? createHash('sha256').update(content.dsseEnvelope.payload).digest() : digest,
      ),
    verifySignature,
  };
}

function signatureVerifier(
  algorithm: KeyAlgorithm,
  signed: Uint8Array | undefined,
  digest: Buffer,
  signature: Buffer,
  digestVerifier: DigestVerifier | undefined,
): ((key: KeyObject) => boolean) | undefined {
  if (signed !== undefined) return (key) => isSignature(algorithm, key, signed, signature);
  return digestVerifier === undefined ? undefined : (key) => digestVerifier(key, digest, signature);
}

function envelopeBytes({ payloadType, payload }: { readonly payloadType: string; readonly payload: Buffer }): Buffer {
  return pae(payloadType, payload);
}

function assertMessageDigest(
  messageDigest: { readonly algorithm: HashAlgorithm; readonly digest: Buffer },
  signed: Uint8Array,
): void {
  const hash = messageDigest.algorithm === HashAlgorithm.SHA2_384 ? 'sha384' : 'sha256';
  if (createHash(hash).update(signed).digest().equals(messageDigest.digest)) return;
  throw new SigstoreError('SUBJECT_MISMATCH', 'Cannot accept the bundle: it is about other bytes');
}

function runVerifier(
  entity: SignedEntity,
  trustedRoot: TrustedRoot,
  publicKey: KeyObject,
  { validFrom, validUntil }: KeyPolicy,
  transparency: Transparency,
): void {
  const validFor = (time: Date) => (validFrom ?? time) <= time && time <= (validUntil ?? time);
  const material = { ...trustedRoot.material, publicKey: () => ({ publicKey, validFor }) };
  const verifier = new Verifier(material, {
    ctlogThreshold: 0,
    tlogThreshold: transparency === 'required' ? 1 : 0,
    timestampThreshold: 0,
  });
  try {
    verifier.verify(entity);
  } catch (cause) {
    // A signature of something else would be called a bad timestamp: times are checked first.
    const code = isSigned(entity, publicKey)
      ? logCause(codeOf(cause, false), entity, trustedRoot)
      : 'SIGNATURE_INVALID';
    throw new SigstoreError(code, 'Cannot verify the bundle under the key', { cause });
  }
}
