import { VerifyError } from './error.js';

const MAX_BYTES = 512 * 1024 * 1024;

/** What all bundles of one verification may take: each is held in memory, and whoever may push may attach some more. */
export class BundleBudget {
  #left: number;

  constructor(maxBytes = MAX_BYTES) {
    this.#left = maxBytes;
  }

  /** @throws {VerifyError} `TOO_MANY_BUNDLES`: leaving some out could leave out the one that matters */
  take(bytes: number): void {
    this.#left -= bytes;
    if (this.#left >= 0) return;
    throw new VerifyError('TOO_MANY_BUNDLES', 'Cannot verify the image: the bundles that refer to it are too large', {
      hint: 'Remove what does not belong there from the registry, or verify with bundles and layout-path',
    });
  }
}
