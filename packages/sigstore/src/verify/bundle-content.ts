import { createHash, createVerify, type KeyObject, verify } from 'node:crypto';
import { pae } from '@paved/attestation';
import type { Bundle } from '@sigstore/bundle';
import type { HashAlgorithm } from '@sigstore/protobuf-specs';
import { MESSAGE_HASH } from '../bundle-format.js';
import { SigstoreError } from '../error.js';
import { hashOf, isSignature, type KeyAlgorithm, type SignatureHash } from '../key-algorithm.js';
import { signatureOf, signedDigest, withEncoded } from '../signed-content.js';
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
  return contentOf(options.bundle, 'sha256', quietly(signatureCheck(options, signatureOf(content))));
}

/**
 * Under a key of a policy: how it signs goes with the key, so that no bundle says how it wants to be verified.
 * @throws {SigstoreError} `ARTIFACT_BYTES_MISSING`; `SUBJECT_MISMATCH` when the message's own digest is not that of the bytes
 */
export function contentUnderKey(options: ContentOptions, algorithm: KeyAlgorithm): BundleContent {
  const { bundle, artifactBytes, digestVerifier } = options;
  const { content } = bundle;
  const signature = signatureOf(content);
  const under = (isSignedBy: BundleContent['isSignedBy']) => contentOf(bundle, hashOf(algorithm), isSignedBy);
  if (content.$case === 'dsseEnvelope') {
    const { payloadType, payload } = content.dsseEnvelope;
    return under((key) => isSignature(algorithm, key, pae(payloadType, payload), signature));
  }
  const { messageDigest } = content.messageSignature;
  if (artifactBytes !== undefined) {
    assertMessageDigest(messageDigest, artifactBytes);
    return under((key) => isSignature(algorithm, key, artifactBytes, signature));
  }
  if (digestVerifier === undefined) {
    throw new SigstoreError('ARTIFACT_BYTES_MISSING', 'Cannot verify a signature without its file', {
      hint: 'Give the file itself beside its digest',
    });
  }
  return under(quietly((key) => digestVerifier(key, messageDigest.digest, signature)));
}

/** Each digest is made when a log entry is compared with it, and once: a payload may be large, and most entries ask for one of them. */
function contentOf({ content }: Bundle, hash: SignatureHash, isSignedBy: BundleContent['isSignedBy']): BundleContent {
  let signed: Buffer | undefined;
  let ofPayload: Buffer | undefined;
  return {
    signature: signatureOf(content),
    get signedDigest() {
      signed ??= signedDigest(content, hash).digest;
      return signed;
    },
    get payloadDigest() {
      if (content.$case !== 'dsseEnvelope') return undefined;
      ofPayload ??= createHash('sha256').update(content.dsseEnvelope.payload).digest();
      return ofPayload;
    },
    isSignedBy,
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
  return withEncoded(createVerify('sha256'), type, payload).verify(key, signature);
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
