import { constants, createHash, type KeyObject, verify } from 'node:crypto';
import { SigstoreError } from './error.js';

/** How a key signs; key and algorithm go together, so that no bundle says how it wants to be verified. */
export type KeyAlgorithm =
  | 'ecdsa-p256-sha256'
  | 'ecdsa-p384-sha384'
  | 'rsa-pss-sha256'
  | 'rsa-pkcs1-sha256'
  | 'ed25519';

/** RSA alone leaves a choice: `pss` is the default, `pkcs1` is what cosign expects of an RSA key. */
export type RsaPadding = 'pss' | 'pkcs1';

/** Hash of what is signed and of what a log is told; Ed25519 signs bytes, and a log entry about it names SHA-256. */
export type SignatureHash = 'sha256' | 'sha384';

const MIN_RSA_BITS = 2048;

/** @throws {SigstoreError} `KEY_UNSUPPORTED` for any other kind of key, a curve that Sigstore does not name, or less than 2,048 bits */
export function algorithmOfKey(key: KeyObject, rsaPadding: RsaPadding = 'pss'): KeyAlgorithm {
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case 'ec':
      if (namedCurve === 'prime256v1') return 'ecdsa-p256-sha256';
      if (namedCurve === 'secp384r1') return 'ecdsa-p384-sha384';
      throw unsupported(`curve ${namedCurve ?? 'unknown'}`);
    case 'rsa':
      if ((modulusLength ?? 0) < MIN_RSA_BITS) throw unsupported(`RSA with ${modulusLength ?? 0} bits`);
      return rsaPadding === 'pss' ? 'rsa-pss-sha256' : 'rsa-pkcs1-sha256';
    case 'ed25519':
      return 'ed25519';
    default:
      throw unsupported(key.asymmetricKeyType ?? key.type);
  }
}

export function hashOf(algorithm: KeyAlgorithm): SignatureHash {
  return algorithm === 'ecdsa-p384-sha384' ? 'sha384' : 'sha256';
}

/** Options of node:crypto for RSA; others need none. */
export function paddingOf(algorithm: KeyAlgorithm): { readonly padding?: number; readonly saltLength?: number } {
  if (algorithm !== 'rsa-pss-sha256') return {};
  return { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
}

/** True for a valid signature; malformed ones are not valid. */
export function isSignature(algorithm: KeyAlgorithm, key: KeyObject, bytes: Uint8Array, signature: Buffer): boolean {
  try {
    const hash = algorithm === 'ed25519' ? null : hashOf(algorithm);
    return verify(hash, bytes, { key, ...paddingOf(algorithm) }, signature);
  } catch {
    return false;
  }
}

/** What cosign writes as hint of a key: base64 of the SHA-256 of its SPKI. */
export function keyHint(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ format: 'der', type: 'spki' }))
    .digest('base64');
}

/**
 * The name of protobuf-specs for Rekor v2.
 * @throws {SigstoreError} `KEY_UNSUPPORTED` for Ed25519: the log gets a digest alone, and Ed25519 signs the bytes
 */
export function keyDetails(algorithm: KeyAlgorithm, publicKey: KeyObject): string {
  const bits = publicKey.asymmetricKeyDetails?.modulusLength ?? 0;
  switch (algorithm) {
    case 'ecdsa-p256-sha256':
      return 'PKIX_ECDSA_P256_SHA_256';
    case 'ecdsa-p384-sha384':
      return 'PKIX_ECDSA_P384_SHA_384';
    case 'rsa-pss-sha256':
      return `PKIX_RSA_PSS_${bits}_SHA256`;
    case 'rsa-pkcs1-sha256':
      return `PKIX_RSA_PKCS1V15_${bits}_SHA256`;
    case 'ed25519':
      throw new SigstoreError('KEY_UNSUPPORTED', 'Cannot log a signature of an Ed25519 key: the log takes digests', {
        hint: 'Choose transparency "off", or an ECDSA or RSA key',
      });
  }
}

function unsupported(what: string): SigstoreError {
  return new SigstoreError('KEY_UNSUPPORTED', `Cannot use the key: ${what} is not supported`, {
    hint: 'Use ECDSA P-256 or P-384, RSA with at least 2,048 bits, or Ed25519',
  });
}
