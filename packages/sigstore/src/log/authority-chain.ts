import { X509Certificate } from 'node:crypto';
import type { TrustedRoot } from '../trusted-root.js';

/**
 * Whether an authority of the trusted root issued the certificate, within its window. Anybody can log a certificate that he made
 * himself: no verifier accepts it, so it is no news.
 */
export function isIssuedByAuthority(der: Buffer, { material }: TrustedRoot): boolean {
  const leaf = readCertificate(der);
  if (leaf === undefined) return false;
  const from = new Date(leaf.validFrom);
  return material.certificateAuthorities.some(({ certChain, validFor }) => {
    if (from < validFor.start || from > validFor.end) return false;
    const chain = certChain.map((certificate) => readCertificate(certificate.root.toDER()));
    return [leaf, ...chain.slice(0, -1)].every((subject, at) => isIssued(subject, chain[at]));
  });
}

function isIssued(subject: X509Certificate | undefined, issuer: X509Certificate | undefined): boolean {
  return issuer?.ca === true && subject?.checkIssued(issuer) === true && subject.verify(issuer.publicKey);
}

function readCertificate(der: Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(der);
  } catch {
    return undefined;
  }
}
