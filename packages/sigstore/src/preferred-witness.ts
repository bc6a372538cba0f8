import type { SignatureBundle, VerificationMaterial, Witness } from '@sigstore/sign';
import { SigstoreError } from './error.js';

/** A log that may be out of reach. One that refuses or lies is a fault all the same. */
export class PreferredWitness implements Witness {
  readonly #log: Witness;
  readonly #onUnavailable: (error: SigstoreError) => void;

  constructor(log: Witness, onUnavailable: (error: SigstoreError) => void) {
    this.#log = log;
    this.#onUnavailable = onUnavailable;
  }

  async testify(content: SignatureBundle, publicKey: string): Promise<VerificationMaterial> {
    try {
      return await this.#log.testify(content, publicKey);
    } catch (error) {
      if (!(error instanceof SigstoreError) || error.code !== 'REKOR_UNAVAILABLE') throw error;
      this.#onUnavailable(error);
      return {};
    }
  }
}
