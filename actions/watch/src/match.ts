import type { TrustDocument } from '@paved/attestation';
import { digestHex, sha256 } from '@paved/digest';
import { parseSigningCertificate, type SigningCertificate, SigstoreError, type TrustedRoot } from '@paved/sigstore';
import { isIssuedByAuthority, readLoggedSigner } from '@paved/sigstore/log';

/** A certificate under one of our names that an authority of the trusted root issued. */
export interface Match {
  readonly kind: string;
  readonly certificateSha256: string;
  /** Absent when no reader of ours understands it. */
  readonly certificate: SigningCertificate | undefined;
}

export interface Matches {
  readonly matches: readonly Match[];
  readonly forged: number;
}

/**
 * Who signed an entry, when it is somebody under our names, whatever the ref. The names are looked for in the bytes of the certificate
 * first: DER has a text in one piece, and most entries of a public log are of others.
 * @throws {SigstoreError} `LOG_ENTRY_UNREADABLE`
 */
export function matchEntry(entry: Buffer, { identities }: TrustDocument, trustedRoot: TrustedRoot): Matches {
  const { kind, certificates } = readLoggedSigner(entry);
  const names = identities.map(({ workflowPath }) => `https://${workflowPath}@`);
  const named = certificates.filter((der) => names.some((name) => der.includes(name)));
  const issued = named.filter((der) => isIssuedByAuthority(der, trustedRoot));
  const matches = issued.flatMap((der): readonly Match[] => {
    const certificate = readCertificate(der);
    const isOurs = identities.some(
      ({ issuer, workflowPath }) =>
        certificate === undefined ||
        (certificate.san.startsWith(`https://${workflowPath}@`) && certificate.extensions.issuer === issuer),
    );
    return isOurs ? [{ kind, certificateSha256: digestHex(sha256(der)), certificate }] : [];
  });
  return { matches, forged: named.length - issued.length };
}

function readCertificate(der: Buffer): SigningCertificate | undefined {
  try {
    return parseSigningCertificate(der);
  } catch (error) {
    if (error instanceof SigstoreError) return undefined;
    throw error;
  }
}
