import type { TrustedRoot } from '../trusted-root.js';
import { type Certificate, readCertificate } from '../verify/certificate-fields.js';
import { findPath } from '../verify/certificate-path.js';
import { isWithin } from '../verify/trust-material.js';

/**
 * Whether an authority of the trusted root issued the certificate, within its window. Anybody can log a certificate that he made
 * himself: no verifier accepts it, so it is no news.
 */
export function isIssuedByAuthority(der: Buffer, { material }: TrustedRoot): boolean {
  const leaf = readLeaf(der);
  if (leaf === undefined) return false;
  return material.certificateAuthorities.some(
    (authority) => isWithin(authority.validFor, leaf.notBefore) && findPath(leaf, authority) !== undefined,
  );
}

function readLeaf(der: Buffer): Certificate | undefined {
  try {
    return readCertificate(der);
  } catch {
    return undefined;
  }
}
