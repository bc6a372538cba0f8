import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { SigstoreError } from '../error.js';
import { algorithmOfKey, hashOf, type KeyAlgorithm } from '../key-algorithm.js';
import type { ManagedKey } from '../managed-key.js';
import { kmsAnswerInvalid, kmsRefusal } from './kms-request.js';

/** What the key service signs: a digest, or for Ed25519 the bytes themselves. */
export interface ToSign {
  readonly algorithm: KeyAlgorithm;
  readonly bytes: Buffer;
  /** Before hashing. */
  readonly message: Uint8Array;
}

/** A key in a service; `signer` asks it. */
export class KmsKey implements ManagedKey {
  readonly algorithm: KeyAlgorithm;
  readonly publicKey: KeyObject;
  #signer: ((toSign: ToSign) => Promise<Buffer>) | undefined;

  constructor(algorithm: KeyAlgorithm, publicKey: KeyObject, signer: (toSign: ToSign) => Promise<Buffer>) {
    this.algorithm = algorithm;
    this.publicKey = publicKey;
    this.#signer = signer;
  }

  async sign(bytes: Uint8Array): Promise<Buffer> {
    if (this.#signer === undefined) throw new SigstoreError('SESSION_CLOSED', 'Cannot sign: the session is closed');
    const whole = this.algorithm === 'ed25519';
    const input = whole ? Buffer.from(bytes) : createHash(hashOf(this.algorithm)).update(bytes).digest();
    return await this.#signer({ algorithm: this.algorithm, bytes: input, message: bytes });
  }

  forget(): void {
    this.#signer = undefined;
  }
}

/**
 * The key object and the algorithm that `allowed` of the service's own names stands for.
 * @throws {SigstoreError} `KEY_ALGORITHM_MISMATCH` when the service's name is not among ours, or the key is of another kind
 */
export function kmsPublicKey(
  read: () => KeyObject,
  algorithm: KeyAlgorithm | undefined,
): { readonly algorithm: KeyAlgorithm; readonly publicKey: KeyObject } {
  if (algorithm === undefined) throw kmsRefusal('KEY_ALGORITHM_MISMATCH');
  let publicKey: KeyObject;
  try {
    publicKey = read();
  } catch (cause) {
    throw kmsAnswerInvalid(cause);
  }
  const actual = algorithmOfKey(publicKey, algorithm === 'rsa-pkcs1-sha256' ? 'pkcs1' : 'pss');
  if (actual !== algorithm) throw kmsRefusal('KEY_ALGORITHM_MISMATCH');
  return { algorithm, publicKey };
}

export function spki(der: Buffer): KeyObject {
  return createPublicKey({ key: der, format: 'der', type: 'spki' });
}
