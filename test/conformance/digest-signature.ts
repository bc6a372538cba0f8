import { constants, type KeyObject, publicDecrypt } from 'node:crypto';
import { p256, p384, p521 } from '@noble/curves/nist.js';
import type { DigestVerifier } from '@paved/sigstore/verify-material';

const CURVES = { 'P-256': p256, 'P-384': p384, 'P-521': p521 } as const;
/** DigestInfo of SHA-256 (RFC 8017, section 9.2, note 1). */
const SHA256_INFO = Buffer.from('3031300d060960864801650304020105000420', 'hex');

/** Whether `signature` (ECDSA in DER, or RSASSA-PKCS1-v1_5) covers a SHA-256 digest; Ed25519 signs no digests. */
export const verifyDigestSignature: DigestVerifier = (key, digest, signature) => {
  if (key.asymmetricKeyType === 'ec') return isEcdsa(key, digest, signature);
  if (key.asymmetricKeyType === 'rsa') return isRsa(key, digest, signature);
  return false;
};

function isEcdsa(key: KeyObject, digest: Uint8Array, signature: Uint8Array): boolean {
  const { crv, x = '', y = '' } = key.export({ format: 'jwk' });
  const curve = Object.entries(CURVES).find(([name]) => name === crv)?.[1];
  if (curve === undefined) return false;
  const point = Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
  try {
    return curve.verify(signature, digest, point, { prehash: false, format: 'der', lowS: false });
  } catch {
    return false;
  }
}

function isRsa(key: KeyObject, digest: Uint8Array, signature: Uint8Array): boolean {
  try {
    const padding = constants.RSA_PKCS1_PADDING;
    return publicDecrypt({ key, padding }, signature).equals(Buffer.concat([SHA256_INFO, digest]));
  } catch {
    return false;
  }
}
