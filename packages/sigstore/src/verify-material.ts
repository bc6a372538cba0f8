import { X509Certificate } from 'node:crypto';
import type { Bundle, TransparencyLogEntry } from '@sigstore/bundle';
import {
  assertForCodeSigning,
  parseSigningCertificate,
  type SanKinds,
  type SigningCertificate,
} from './certificate.js';
import { SigstoreError } from './error.js';
import type { TrustedRoot } from './trusted-root.js';
import { type ContentOptions, contentUnderCertificate } from './verify/bundle-content.js';
import { earliest, readTimes } from './verify/bundle-times.js';
import { type Certificate, validAt } from './verify/certificate-fields.js';
import { findPath } from './verify/certificate-path.js';
import { OWN_ROOT, WHOLE_BUNDLE } from './verify/cures.js';
import { verifyScts } from './verify/sct.js';
import { type Authority, isWithin } from './verify/trust-material.js';
import { namesAnotherSigner, verifyLogEntries } from './verify/verify-log-entries.js';
import { verifyTimestamps } from './verify/verify-timestamps.js';

/** `required`: a verified log entry. `preferred` and `off`: a verified timestamp is enough, but an entry that is there must verify. */
export type Transparency = 'required' | 'preferred' | 'off';

export type { DigestVerifier } from './verify/bundle-content.js';

export interface MaterialOptions extends ContentOptions {
  readonly trustedRoot: TrustedRoot;
  /** What the timestamps are about instead of the signature; the caller knows that it holds the signature. */
  readonly timestamped?: Uint8Array;
  /** Default `uri`: a workflow. */
  readonly names?: SanKinds;
  readonly transparency: Transparency;
}

export interface VerifiedMaterial {
  readonly certificate: SigningCertificate;
  /** Earliest verified time of a timestamp authority or a log's promise. */
  readonly signedAt: Date;
  readonly logged: boolean;
}

/**
 * Verifies signature, timestamps, certificate path, SCT and log entries, in this order. It says who signed and when, and decides
 * nothing: only `verifyBundle`, which adds subject and identity policy, is for other packages.
 * @throws {SigstoreError} one code per failed check
 */
export function verifyMaterial(options: MaterialOptions): VerifiedMaterial {
  const { bundle, trustedRoot, timestamped, names = 'uri', transparency } = options;
  const { material } = trustedRoot;
  const leaf = leafOf(bundle);
  const certificate = parseSigningCertificate(leaf, names);
  assertForCodeSigning(certificate);
  const { tlogEntries } = bundle.verificationMaterial;
  assertLogged(bundle, transparency);
  const { timestamps, times } = readTimes(bundle);
  const signedAt = earliest(times);
  if (signedAt === undefined) {
    throw new SigstoreError('TIMESTAMP_MISSING', 'Cannot accept the bundle: nothing signed says when it was made', {
      hint: 'Sign with a timestamp authority: a short-lived certificate is worth nothing without a verified time',
    });
  }
  const content = contentUnderCertificate(options);
  if (!content.isSignedBy(certificate.publicKey)) throw notSigned(bundle, leaf);
  const issuers = issuersOf(certificate.fields, material.certificateAuthorities);
  verifyTimestamps(timestamps, timestamped ?? content.signature, material.timestampAuthorities);
  const issuer = issuerAt(certificate.fields, issuers, times);
  verifyScts(certificate.fields, issuer, material.ctlogs);
  verifyLogEntries({ bundle, content, signer: leaf }, material.tlogs, signedAt);
  return { certificate, signedAt, logged: tlogEntries.length > 0 };
}

/** @throws {SigstoreError} `LOG_ENTRY_MISSING` */
export function assertLogged({ verificationMaterial }: Bundle, transparency: Transparency): void {
  if (transparency !== 'required' || verificationMaterial.tlogEntries.length > 0) return;
  throw new SigstoreError('LOG_ENTRY_MISSING', 'Cannot accept the bundle: it has no transparency log entry', {
    hint: WHOLE_BUNDLE,
  });
}

function leafOf(bundle: Bundle): Buffer {
  const { content } = bundle.verificationMaterial;
  switch (content.$case) {
    case 'certificate':
      return Buffer.from(content.certificate.rawBytes);
    case 'x509CertificateChain': {
      const [leaf, ...issuers] = content.x509CertificateChain.certificates;
      if (leaf === undefined) break;
      for (const issuer of issuers) assertNotRoot(Buffer.from(issuer.rawBytes));
      return Buffer.from(leaf.rawBytes);
    }
    case 'publicKey':
      break;
  }
  throw new SigstoreError(
    'CERTIFICATE_MISSING',
    'Cannot verify the bundle: it is signed with a bare key, not a certificate',
    {
      hint: 'An identity policy needs a certificate; sign with Fulcio',
    },
  );
}

/** A signature that is not over the content comes before every other cause: with it, nothing else is about this content. */
function notSigned(bundle: Bundle, leaf: Buffer): SigstoreError {
  const entries: readonly TransparencyLogEntry[] = bundle.verificationMaterial.tlogEntries;
  const stranger = entries.some((entry) => namesAnotherSigner(entry, leaf));
  return stranger
    ? new SigstoreError('CERTIFICATE_MISMATCH', "Cannot verify the bundle: its certificate is not the signer's", {
        hint: WHOLE_BUNDLE,
      })
    : new SigstoreError('SIGNATURE_INVALID', 'Cannot verify the bundle: its signature is not over this content', {
        hint: WHOLE_BUNDLE,
      });
}

interface Issuer {
  readonly authority: Authority;
  readonly path: readonly Certificate[];
}

function issuersOf(leaf: Certificate, authorities: readonly Authority[]): readonly Issuer[] {
  const issuers = authorities.flatMap((authority) => {
    const path = findPath(leaf, authority);
    return path === undefined || path.length < 2 ? [] : [{ authority, path }];
  });
  if (issuers.length > 0) return issuers;
  throw new SigstoreError(
    'CERTIFICATE_UNTRUSTED',
    'Cannot accept the certificate: no authority of the trusted root issued it',
    { hint: OWN_ROOT },
  );
}

/** The certificate that issued the leaf, of an authority that was trusted, with a path that was valid, at every time. */
function issuerAt(leaf: Certificate, issuers: readonly Issuer[], times: readonly Date[]): Certificate {
  if (!times.every((time) => validAt(leaf, time))) {
    throw new SigstoreError(
      'CERTIFICATE_EXPIRED',
      'Cannot accept the certificate: it was not valid when the bundle was signed',
      { hint: WHOLE_BUNDLE },
    );
  }
  for (const { authority, path } of issuers) {
    const isTrusted = (time: Date) =>
      isWithin(authority.validFor, time) && path.every((certificate) => validAt(certificate, time));
    const [, issuer] = path;
    if (issuer !== undefined && times.every(isTrusted)) return issuer;
  }
  throw new SigstoreError(
    'CERTIFICATE_UNTRUSTED',
    'Cannot accept the certificate: its authority was not trusted then',
    { hint: OWN_ROOT },
  );
}

/** A root in the bundle's own chain would be trust that the bundle brings along (bundle spec: it must not be there). */
function assertNotRoot(der: Buffer): void {
  const issuer = readIssuer(der);
  if (issuer.checkIssued(issuer)) {
    throw new SigstoreError('BUNDLE_MALFORMED', 'Cannot accept the bundle: its chain contains a root certificate', {
      hint: WHOLE_BUNDLE,
    });
  }
}

function readIssuer(der: Buffer): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch (cause) {
    throw new SigstoreError('CERTIFICATE_MALFORMED', "Cannot read a certificate of the bundle's chain", {
      cause,
      hint: WHOLE_BUNDLE,
    });
  }
}
