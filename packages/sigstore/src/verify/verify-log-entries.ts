import type { Bundle, TransparencyLogEntry } from '@sigstore/bundle';
import { SigstoreError } from '../error.js';
import type { BundleContent } from './bundle-content.js';
import { WHOLE_BUNDLE } from './cures.js';
import { type LoggedSignature, readLoggedSignature } from './log-entry-body.js';
import { verifyInclusion } from './log-inclusion.js';
import { isNamed, type LogKey } from './trust-material.js';

/** What an entry has to be about. */
export interface SignedBundle {
  readonly bundle: Bundle;
  readonly content: BundleContent;
  /** DER of the bundle's certificate, or of the key. */
  readonly signer: Buffer;
}

/**
 * Holds every log entry of a bundle to its log, to the signature and to the signer. All of them have to verify.
 * @param signedAt absent where nothing says when
 * @throws {SigstoreError} `LOG_ENTRY_MISMATCH`, `CERTIFICATE_MISMATCH`, `KEY_MISMATCH`, and those of {@link verifyInclusion}
 */
export function verifyLogEntries(signed: SignedBundle, tlogs: readonly LogKey[], signedAt: Date | undefined): void {
  const { mediaType, verificationMaterial } = signed.bundle;
  const { tlogEntries } = verificationMaterial;
  for (const entry of tlogEntries) {
    verifyInclusion(entry, tlogs, signedAt);
    if (mediaType.includes('0.3') && entry.inclusionProof === undefined) {
      throw new SigstoreError('INCLUSION_PROOF_MISSING', 'Cannot accept the log entry: it has no inclusion proof', {
        hint: WHOLE_BUNDLE,
      });
    }
  }
  assertDistinct(tlogEntries, tlogs);
  for (const entry of tlogEntries) assertOwnEntry(entry, signed);
}

/** @throws {SigstoreError} `LOG_ENTRY_MISMATCH`, `CERTIFICATE_MISMATCH`, `KEY_MISMATCH` */
export function assertOwnEntry(entry: TransparencyLogEntry, { bundle, content, signer }: SignedBundle): void {
  const logged = readLoggedSignature(entry);
  assertSameSignature(logged, content);
  assertSameSigner(logged, bundle, signer);
}

/** True for an entry that names its signer, and another one than `signer`; an unreadable entry names nobody. */
export function namesAnotherSigner(entry: TransparencyLogEntry, signer: Buffer): boolean {
  try {
    const { certificate, publicKey } = readLoggedSignature(entry);
    const named = certificate ?? publicKey;
    return named !== undefined && !named.equals(signer);
  } catch {
    return false;
  }
}

function assertSameSignature({ signature, digestOf, digest }: LoggedSignature, content: BundleContent): void {
  const expected = digestOf === 'signed' ? content.signedDigest : content.payloadDigest;
  if (signature.equals(content.signature) && expected?.equals(digest) === true) return;
  throw new SigstoreError('LOG_ENTRY_MISMATCH', 'Cannot accept the log entry: it is about another signature', {
    hint: WHOLE_BUNDLE,
  });
}

/**
 * A key under which somebody else's signature verifies is easy to find for ECDSA: without this the log would show that key, and never
 * the certificate that whoever watches it looks for.
 */
function assertSameSigner(logged: LoggedSignature, bundle: Bundle, signer: Buffer): void {
  const isKey = bundle.verificationMaterial.content.$case === 'publicKey';
  const named = isKey ? logged.publicKey : logged.certificate;
  if (named?.equals(signer) === true) return;
  throw new SigstoreError(
    isKey ? 'KEY_MISMATCH' : 'CERTIFICATE_MISMATCH',
    "Cannot accept the log entry: it names another signer than the bundle's",
    { hint: WHOLE_BUNDLE },
  );
}

/** One entry twice is not two; a proof does not say at which index of the log the entry itself claims to be. */
function assertDistinct(entries: readonly TransparencyLogEntry[], tlogs: readonly LogKey[]): void {
  const seen = new Set(
    entries.map(({ logId: { keyId }, canonicalizedBody }) => {
      // A log may have two names, and one key.
      const log = tlogs.find((one) => isNamed(one, keyId));
      return `${(log?.spki ?? keyId).toString('hex')} ${canonicalizedBody.toString('hex')}`;
    }),
  );
  if (seen.size === entries.length) return;
  throw new SigstoreError('LOG_ENTRY_MISMATCH', 'Cannot accept the log entries: one is there twice', {
    hint: WHOLE_BUNDLE,
  });
}
