import { createHash, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { TransparencyLogEntry } from '@sigstore/bundle';
import { type SignedEntity, VerificationError } from '@sigstore/verify';
import type { SigningCertificate } from './certificate.js';
import type { SigstoreErrorCode } from './error.js';
import { namesAnotherSigner } from './log-entry.js';
import type { TrustedRoot } from './trusted-root.js';

/** What a verification that failed was about; nothing of it is trusted. */
export interface Refused {
  readonly entity: SignedEntity;
  readonly certificate: SigningCertificate;
  readonly trustedRoot: TrustedRoot;
  readonly times: readonly Date[];
}

/**
 * The code that names the cause of a refusal. The library checks times first, so that a signature of something else would be called
 * a bad timestamp: here a signature that is not over the content comes before everything else. Only called when the answer is no
 * already, so nothing that it looks at can turn a refusal around.
 */
export function refusalCause(error: unknown, refused: Refused): SigstoreErrorCode {
  const { entity, certificate, times } = refused;
  if (!isSigned(entity, certificate.publicKey)) {
    const stranger = entity.tlogEntries.some((entry) => namesAnotherSigner(entry, certificate.der));
    return stranger ? 'CERTIFICATE_MISMATCH' : 'SIGNATURE_INVALID';
  }
  const expired = times.some((time) => time < certificate.notBefore || time > certificate.notAfter);
  const code = codeOf(error, expired);
  if (code !== 'TIMESTAMP_INVALID') return logCause(code, entity, refused.trustedRoot);
  if (!isIssued(refused)) return 'CERTIFICATE_UNTRUSTED';
  return hasTrustedTimestamps(refused) ? code : 'TIMESTAMP_UNTRUSTED';
}

/** Our code for an error of the library. */
export function codeOf(error: unknown, expired: boolean): SigstoreErrorCode {
  // Other errors are ASN.1 or JSON that broke inside the library.
  if (!(error instanceof VerificationError)) return 'BUNDLE_MALFORMED';
  switch (error.code) {
    case 'SIGNATURE_ERROR':
      return 'SIGNATURE_INVALID';
    case 'TIMESTAMP_ERROR':
      return 'TIMESTAMP_INVALID';
    case 'CERTIFICATE_ERROR':
      if (error.message.includes('SCTs, got')) return 'SCT_MISSING';
      if (error.message.includes('SCT')) return 'SCT_INVALID';
      return expired ? 'CERTIFICATE_EXPIRED' : 'CERTIFICATE_UNTRUSTED';
    case 'TLOG_BODY_ERROR':
      return 'LOG_ENTRY_MISMATCH';
    case 'TLOG_INCLUSION_PROOF_ERROR':
      return error.message.includes('checkpoint') ? 'CHECKPOINT_INVALID' : 'INCLUSION_PROOF_INVALID';
    case 'TLOG_INCLUSION_PROMISE_ERROR':
      return 'INCLUSION_PROMISE_INVALID';
    case 'TLOG_MISSING_INCLUSION_ERROR':
      return 'INCLUSION_PROOF_MISSING';
    case 'TLOG_ERROR':
      return error.message.includes('duplicate') ? 'LOG_ENTRY_MISMATCH' : 'LOG_ENTRY_MISSING';
    case 'PUBLIC_KEY_ERROR':
      return 'KEY_NOT_VALID_THEN';
    case 'NOT_IMPLEMENTED_ERROR':
      return 'BUNDLE_MALFORMED';
  }
}

/** `LOG_UNTRUSTED` for a proof or promise that fails because the trusted root has no key, or another key, of the entry's log. */
export function logCause(code: SigstoreErrorCode, entity: SignedEntity, { material }: TrustedRoot): SigstoreErrorCode {
  if (code !== 'CHECKPOINT_INVALID' && code !== 'INCLUSION_PROMISE_INVALID') return code;
  const known = (entry: TransparencyLogEntry) =>
    material.tlogs.some(
      (log) => log.logID.equals(entry.logId.keyId) && logIds(log, entry).some((id) => isIdOf(log, id)),
    );
  return entity.tlogEntries.every(known) ? code : 'LOG_UNTRUSTED';
}

type Log = TrustedRoot['material']['tlogs'][number];

/** Ids that the log's key can have: of the key alone (RFC 6962), or of its name with an Ed25519 key (C2SP signed-note). */
function logIds({ publicKey, baseURL }: Log, { inclusionProof }: TransparencyLogEntry): readonly Buffer[] {
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  const origin = (inclusionProof?.checkpoint?.envelope ?? '').split('\n')[0] ?? '';
  const host = URL.canParse(baseURL) ? new URL(baseURL).hostname : baseURL;
  const named = [origin, host].map((name) => [`${name}\n`, Buffer.from([0x01]), spki.subarray(-32)]);
  return [[spki], ...named].map((parts) => {
    const hash = createHash('sha256');
    for (const part of parts) hash.update(part);
    return hash.digest();
  });
}

/** Some trusted roots name the first four bytes alone. */
function isIdOf({ logID }: Log, id: Buffer): boolean {
  return id.subarray(0, logID.length).equals(logID);
}

/** Whether the signature is over the content, under this key; malformed ones are not. */
export function isSigned({ signature }: SignedEntity, key: KeyObject): boolean {
  try {
    return signature.verifySignature(key);
  } catch {
    return false;
  }
}

/** Whether any authority of the trusted root signed the certificate, at whatever time. */
function isIssued({ certificate, trustedRoot }: Refused): boolean {
  try {
    const leaf = new X509Certificate(certificate.der);
    return trustedRoot.material.certificateAuthorities.some(({ certChain }) =>
      certChain.some(({ publicKey }) =>
        leaf.verify(createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' })),
      ),
    );
  } catch {
    return false;
  }
}

function hasTrustedTimestamps({ entity, trustedRoot }: Refused): boolean {
  return entity.timestamps.every((stamp) => {
    if (stamp.$case !== 'timestamp-authority') return true;
    const { signerSerialNumber, signerIssuer } = stamp.timestamp;
    return trustedRoot.material.timestampAuthorities.some(({ certChain: [leaf] }) => {
      return leaf?.serialNumber.equals(signerSerialNumber) === true && leaf.issuer.equals(signerIssuer);
    });
  });
}
