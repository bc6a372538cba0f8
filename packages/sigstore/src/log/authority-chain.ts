import type { TrustedRoot } from '../trusted-root.js';
import { type Certificate, readCertificate } from '../verify/certificate-fields.js';
import { findPath } from '../verify/certificate-path.js';
import type { Period } from '../verify/trust-material.js';

/**
 * Whether an authority of the trusted root issued the certificate, and both were valid at some time: whatever a verifier could accept.
 * Anybody can log a certificate that he made himself: no verifier accepts it, so it is no news.
 */
export function isIssuedByAuthority(der: Buffer, { material }: TrustedRoot): boolean {
  const leaf = readLeaf(der);
  if (leaf === undefined) return false;
  return material.certificateAuthorities.some(
    (authority) => isEverTrusted(leaf, authority.validFor) && findPath(leaf, authority) !== undefined,
  );
}

/** When a certificate was made is what its authority says: a stolen key dates it as it likes. */
function isEverTrusted({ notBefore, notAfter }: Certificate, { start, end }: Period): boolean {
  return notBefore <= end && notAfter >= start;
}

function readLeaf(der: Buffer): Certificate | undefined {
  try {
    return readCertificate(der);
  } catch {
    return undefined;
  }
}
