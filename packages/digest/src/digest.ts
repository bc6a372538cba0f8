import { PavedError } from '@paved/errors';

export type DigestAlgorithm = 'sha256' | 'sha512';

/** `<algorithm>:<lower-case hex>` of the exact length (OCI image-spec 1.1, "Digests"); only {@link parseDigest} makes one. */
export type Digest = `${DigestAlgorithm}:${string}` & { readonly __brand: 'Digest' };

export class DigestError extends PavedError<'DIGEST_INVALID' | 'DIGEST_MISMATCH' | 'SIZE_EXCEEDED'> {}

const HEX_LENGTH: Readonly<Record<DigestAlgorithm, number>> = { sha256: 64, sha512: 128 };
const PATTERN = /^(sha256|sha512):([0-9a-f]+)$/;

export function isDigest(text: string): text is Digest {
  const match = PATTERN.exec(text);
  return match !== null && match[2]?.length === HEX_LENGTH[match[1] as DigestAlgorithm];
}

/** @throws {DigestError} `DIGEST_INVALID` for another algorithm, upper case, or a wrong length */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new DigestError(
    'DIGEST_INVALID',
    `Cannot parse digest "${text.slice(0, 100)}": it is not sha256:<64 hex> or sha512:<128 hex>`,
    {
      hint: 'Give the digest as sha256:<64 lower-case hexadecimal digits>',
    },
  );
}

/** The part behind the colon, as in-toto subjects carry it. */
export function digestHex(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1);
}

/** @throws {DigestError} `DIGEST_MISMATCH` that names `what` and both digests */
export function assertSameDigest(what: string, expected: Digest, actual: Digest): void {
  if (expected !== actual) {
    throw new DigestError('DIGEST_MISMATCH', `Cannot accept ${what}: its digest is ${actual}, expected ${expected}`, {
      hint: 'Take the expected bytes again from where they come from; accept others only after you looked what changed',
    });
  }
}
