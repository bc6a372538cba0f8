import type { KeyObject } from 'node:crypto';
import type { Signature, Signer } from '@sigstore/sign';
import { SigstoreError } from './error.js';
import { isSignature, type KeyAlgorithm, keyHint } from './key-algorithm.js';

/** A long-lived key: in memory, or in a key service that never shows it. */
export interface ManagedKey {
  readonly algorithm: KeyAlgorithm;
  readonly publicKey: KeyObject;
  /** Signs the bytes (the implementation hashes them); ECDSA as DER. */
  sign(bytes: Uint8Array): Promise<Buffer>;
  /** Drops whatever secret is in memory. */
  forget(): void;
}

/** Lets a managed key sign bundles, and looks at each signature before anybody else does. */
export class ManagedKeySigner implements Signer {
  readonly #key: ManagedKey;
  readonly #publicKey: string;
  readonly #hint: string;

  constructor(key: ManagedKey) {
    this.#key = key;
    this.#publicKey = publicKeyPem(key.publicKey);
    this.#hint = keyHint(key.publicKey);
  }

  async sign(data: Buffer): Promise<Signature> {
    const signature = await this.#key.sign(data);
    if (!isSignature(this.#key.algorithm, this.#key.publicKey, data, signature)) {
      throw new SigstoreError(
        'KMS_ANSWER_INVALID',
        'Cannot use the signature: it is not one of the key that was asked',
        {
          hint: 'Check that the key service holds the key version that was named',
        },
      );
    }
    return { signature, key: { $case: 'publicKey', publicKey: this.#publicKey, hint: this.#hint } };
  }
}

export function publicKeyPem(publicKey: KeyObject): string {
  return publicKey.export({ format: 'pem', type: 'spki' }).toString();
}
