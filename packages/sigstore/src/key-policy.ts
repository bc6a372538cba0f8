import { createPublicKey, type KeyObject } from 'node:crypto';
import { SigstoreError } from './error.js';
import { algorithmOfKey, type KeyAlgorithm, type RsaPadding } from './key-algorithm.js';

/**
 * Which key must have signed. It says nothing about who held the key or which commit was built, and is never an alternative to
 * an `IdentityPolicy`: a bundle with a certificate does not pass it.
 */
export interface KeyPolicy {
  /** SPKI, PEM. */
  readonly publicKey: string;
  /** How an RSA key must have signed (default `pss`); the bundle has no say. */
  readonly rsaPadding?: RsaPadding;
  /** Signatures before or after are refused, and so are signatures without a verified time. */
  readonly validFrom?: Date;
  readonly validUntil?: Date;
}

/** @throws {SigstoreError} `POLICY_INVALID` */
export function readPolicyKey({ publicKey, rsaPadding }: KeyPolicy): {
  readonly publicKey: KeyObject;
  readonly algorithm: KeyAlgorithm;
} {
  try {
    // A private key in this place is a leak, not a policy.
    if (publicKey.includes('PRIVATE')) throw new RangeError('it is a private key');
    const key = createPublicKey(publicKey);
    return { publicKey: key, algorithm: algorithmOfKey(key, rsaPadding) };
  } catch {
    throw new SigstoreError(
      'POLICY_INVALID',
      'Cannot use the key policy: its key is not a supported public key in PEM',
      {
        hint: 'Give the file that cosign public-key or openssl pkey -pubout writes',
      },
    );
  }
}

export function isKeyPolicy(policy: object): policy is KeyPolicy {
  return 'publicKey' in policy;
}
