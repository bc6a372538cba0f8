import { type KeyObject, X509Certificate } from 'node:crypto';
import type { Bundle } from '@sigstore/bundle';
import { type SignedEntity, toSignedEntity, Verifier } from '@sigstore/verify';
import {
  assertForCodeSigning,
  parseSigningCertificate,
  type SanKinds,
  type SigningCertificate,
} from './certificate.js';
import { SigstoreError } from './error.js';
import { withKnownCertificate } from './known-certificates.js';
import { assertLogEntry } from './log-entry.js';
import { refusalCause } from './refusal-cause.js';
import type { TrustedRoot } from './trusted-root.js';

/** `required`: a verified log entry. `preferred` and `off`: a verified timestamp is enough, but an entry that is there must verify. */
export type Transparency = 'required' | 'preferred' | 'off';

/**
 * Verifies a signature over a digest, for whoever has no bytes: neither Node nor the library can. Without one, a message signature needs
 * its bytes.
 */
export type DigestVerifier = (key: KeyObject, digest: Uint8Array, signature: Uint8Array) => boolean;

export interface MaterialOptions {
  readonly bundle: Bundle;
  readonly trustedRoot: TrustedRoot;
  /** What a message signature covers; unused for DSSE. */
  readonly artifactBytes?: Uint8Array;
  readonly digestVerifier?: DigestVerifier;
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
 * Verifies signature, certificate chain and SCT, log inclusion and time. It says who signed and when, and decides nothing:
 * only `verifyBundle`, which adds subject and identity policy, is for other packages.
 * @throws {SigstoreError} one code per failed check
 */
export function verifyMaterial({
  bundle,
  trustedRoot,
  artifactBytes,
  digestVerifier,
  timestamped,
  names = 'uri',
  transparency,
}: MaterialOptions): VerifiedMaterial {
  const leaf = leafOf(bundle);
  const certificate = parseSigningCertificate(leaf, names);
  assertForCodeSigning(certificate);
  const { tlogEntries } = bundle.verificationMaterial;
  if (transparency === 'required' && tlogEntries.length === 0) {
    throw new SigstoreError('LOG_ENTRY_MISSING', 'Cannot accept the bundle: it has no transparency log entry');
  }
  const given = withDigestVerifier(signedEntity(bundle, artifactBytes), bundle, artifactBytes, digestVerifier);
  const entity = withKnownCertificate(withTimestamped(given, timestamped), trustedRoot, leaf);
  const times = entityTimes(entity);
  if (times.length === 0) {
    throw new SigstoreError('TIMESTAMP_MISSING', 'Cannot accept the bundle: nothing signed says when it was made', {
      hint: 'Sign with a timestamp authority: a short-lived certificate is worth nothing without a verified time',
    });
  }
  runVerifier(entity, trustedRoot, transparency, certificate, times);
  for (const entry of tlogEntries) assertLogEntry(entry, bundle, leaf);
  return {
    certificate,
    signedAt: new Date(Math.min(...times.map((time) => time.getTime()))),
    logged: tlogEntries.length > 0,
  };
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

function signedEntity(bundle: Bundle, artifactBytes: Uint8Array | undefined): SignedEntity {
  try {
    return toSignedEntity(bundle, artifactBytes === undefined ? undefined : Buffer.from(artifactBytes));
  } catch (cause) {
    // Certificates were read before this call, so only a timestamp is left to be unreadable.
    throw new SigstoreError('TIMESTAMP_INVALID', 'Cannot read a timestamp of the bundle', { cause });
  }
}

function withDigestVerifier(
  entity: SignedEntity,
  { content }: Bundle,
  artifactBytes: Uint8Array | undefined,
  digestVerifier: DigestVerifier | undefined,
): SignedEntity {
  if (content.$case !== 'messageSignature' || artifactBytes !== undefined || digestVerifier === undefined)
    return entity;
  const { signature, messageDigest } = content.messageSignature;
  const verifySignature = (key: KeyObject) => digestVerifier(key, messageDigest.digest, signature);
  return { ...entity, signature: { ...ownSignature(entity), verifySignature } };
}

/** The library asks `signature` for nothing but what a timestamp is about; what is compared and verified stays the signature. */
export function withTimestamped(entity: SignedEntity, timestamped: Uint8Array | undefined): SignedEntity {
  if (timestamped === undefined) return entity;
  return { ...entity, signature: { ...ownSignature(entity), signature: Buffer.from(timestamped) } };
}

function ownSignature({ signature: own }: SignedEntity): SignedEntity['signature'] {
  return {
    signature: own.signature,
    compareSignature: (other) => own.compareSignature(other),
    compareDigest: (other) => own.compareDigest(other),
    compareSignedDigest: (other) => own.compareSignedDigest(other),
    verifySignature: (key) => own.verifySignature(key),
  };
}

export function entityTimes(entity: SignedEntity): Date[] {
  try {
    return entity.timestamps.flatMap((stamp) => {
      if (stamp.$case === 'timestamp-authority') return [stamp.timestamp.signingTime];
      const { inclusionPromise, integratedTime } = stamp.tlogEntry;
      return inclusionPromise === undefined ? [] : [new Date(Number(integratedTime) * 1000)];
    });
  } catch (cause) {
    throw new SigstoreError('TIMESTAMP_INVALID', 'Cannot read a timestamp of the bundle', { cause });
  }
}

function runVerifier(
  entity: SignedEntity,
  trustedRoot: TrustedRoot,
  transparency: Transparency,
  certificate: SigningCertificate,
  times: readonly Date[],
): void {
  const verifier = new Verifier(trustedRoot.material, {
    // A trusted root without CT logs is that of an instance that has none; the root decides, never the bundle.
    ctlogThreshold: trustedRoot.material.ctlogs.length > 0 ? 1 : 0,
    tlogThreshold: transparency === 'required' ? 1 : 0,
    timestampThreshold: 1,
  });
  try {
    verifier.verify(entity);
  } catch (cause) {
    const code = refusalCause(cause, { entity, certificate, trustedRoot, times });
    throw new SigstoreError(code, 'Cannot verify the bundle', { cause });
  }
}

/** A root in the bundle's own chain would be trust that the bundle brings along (bundle spec: it must not be there). */
function assertNotRoot(der: Buffer): void {
  const issuer = readIssuer(der);
  if (issuer.checkIssued(issuer)) {
    throw new SigstoreError('BUNDLE_MALFORMED', 'Cannot accept the bundle: its chain contains a root certificate');
  }
}

function readIssuer(der: Buffer): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch (cause) {
    throw new SigstoreError('CERTIFICATE_MALFORMED', "Cannot read a certificate of the bundle's chain", { cause });
  }
}
