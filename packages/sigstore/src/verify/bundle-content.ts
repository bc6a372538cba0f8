import { createHash, createVerify, type KeyObject, verify } from 'node:crypto';
import { pae } from '@paved/attestation';
import type { Bundle } from '@sigstore/bundle';
import type { HashAlgorithm } from '@sigstore/protobuf-specs';
import { MESSAGE_HASH } from '../bundle-format.js';
import { SigstoreError } from '../error.js';
import { hashOf, isSignature, type KeyAlgorithm } from '../key-algorithm.js';
import { signatureOf, signedDigest } from '../signed-content.js';
import { WHOLE_BUNDLE } from './cures.js';

/**
 * Verifies a signature over a digest, for whoever has no bytes: Node cannot. Without one, a message signature needs its bytes.
 */
export type DigestVerifier = (key: KeyObject, digest: Uint8Array, signature: Uint8Array) => boolean;

/** What a bundle is a signature of. */
export interface BundleContent {
  readonly signature: Buffer;
  /** Of the bytes that the signature covers: for an envelope of its PAE. */
  readonly signedDigest: Buffer;
  /** SHA-256 of the payload of an envelope; a message has none. */
  readonly payloadDigest: Buffer | undefined;
  /** False also for what is no signature at all. */
  readonly isSignedBy: (key: KeyObject) => boolean;
}

export interface ContentOptions {
  readonly bundle: Bundle;
  /** What a message signature covers; unused for DSSE. */
  readonly artifactBytes?: Uint8Array;
  readonly digestVerifier?: DigestVerifier;
}

const MESSAGE_HASHES: ReadonlyMap<HashAlgorithm, string> = new Map([
  [MESSAGE_HASH.sha256, 'sha256'],
  [MESSAGE_HASH.sha384, 'sha384'],
  [MESSAGE_HASH.sha512, 'sha512'],
]);

/** Under a certificate: an envelope is signed with SHA-256, a message with the hash that its bundle names; Ed25519 has its own. */
export function contentUnderCertificate(options: ContentOptions): BundleContent {
  const { content } = options.bundle;
  const signature = signatureOf(content);
  const { digest } = signedDigest(content, 'sha256');
  return { ...digests(options.bundle, digest), signature, isSignedBy: quietly(signatureCheck(options, signature)) };
}

/**
 * Under a key of a policy: how it signs goes with the key, so that no bundle says how it wants to be verified.
 * @throws {SigstoreError} `ARTIFACT_BYTES_MISSING`; `SUBJECT_MISMATCH` when the message's own digest is not that of the bytes
 */
export function contentUnderKey(options: ContentOptions, algorithm: KeyAlgorithm): BundleContent {
  const { content } = options.bundle;
  const signature = signatureOf(content);
  const { digest } = signedDigest(content, hashOf(algorithm));
  const common = { ...digests(options.bundle, digest), signature };
  if (content.$case === 'dsseEnvelope') {
    const { payloadType, payload } = content.dsseEnvelope;
    return { ...common, isSignedBy: (key) => isSignature(algorithm, key, pae(payloadType, payload), signature) };
  }
  const { artifactBytes, digestVerifier } = options;
  if (artifactBytes !== undefined) {
    assertMessageDigest(content.messageSignature.messageDigest, artifactBytes);
    return { ...common, isSignedBy: (key) => isSignature(algorithm, key, artifactBytes, signature) };
  }
  if (digestVerifier === undefined) {
    throw new SigstoreError('ARTIFACT_BYTES_MISSING', 'Cannot verify a signature without its file', {
      hint: 'Give the file itself beside its digest',
    });
  }
  return { ...common, isSignedBy: quietly((key) => digestVerifier(key, digest, signature)) };
}

function digests({ content }: Bundle, signed: Buffer): Pick<BundleContent, 'signedDigest' | 'payloadDigest'> {
  const payload = content.$case === 'dsseEnvelope' ? content.dsseEnvelope.payload : undefined;
  return {
    signedDigest: signed,
    payloadDigest: payload === undefined ? undefined : createHash('sha256').update(payload).digest(),
  };
}

function signatureCheck(
  { bundle: { content }, artifactBytes, digestVerifier }: ContentOptions,
  signature: Buffer,
): (key: KeyObject) => boolean {
  if (content.$case === 'dsseEnvelope') {
    const { payloadType, payload } = content.dsseEnvelope;
    return (key) => isEnvelopeSigned(payloadType, payload, key, signature);
  }
  const { algorithm, digest } = content.messageSignature.messageDigest;
  if (artifactBytes === undefined) return (key) => digestVerifier?.(key, digest, signature) === true;
  const hash = MESSAGE_HASHES.get(algorithm);
  return (key) => hash !== undefined && verify(hashFor(key, hash), artifactBytes, key, signature);
}

function isEnvelopeSigned(type: string, payload: Uint8Array, key: KeyObject, signature: Buffer): boolean {
  if (key.asymmetricKeyType === 'ed25519') return verify(null, pae(type, payload), key, signature);
  // In parts: a payload may be large, and the encoding would copy it.
  const head = `DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `;
  return createVerify('sha256').update(head).update(payload).verify(key, signature);
}

function hashFor(key: KeyObject, hash: string): string | null {
  return key.asymmetricKeyType === 'ed25519' ? null : hash;
}

function quietly(check: (key: KeyObject) => boolean): (key: KeyObject) => boolean {
  return (key) => {
    try {
      return check(key);
    } catch {
      return false;
    }
  };
}

function assertMessageDigest(
  messageDigest: { readonly algorithm: HashAlgorithm; readonly digest: Buffer },
  signed: Uint8Array,
): void {
  const hash = messageDigest.algorithm === MESSAGE_HASH.sha384 ? 'sha384' : 'sha256';
  if (createHash(hash).update(signed).digest().equals(messageDigest.digest)) return;
  throw new SigstoreError('SUBJECT_MISMATCH', 'Cannot accept the bundle: it is about other bytes', {
    hint: WHOLE_BUNDLE,
  });
}
