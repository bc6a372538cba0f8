import { SigstoreError } from '../error.js';
import { type Certificate, validAt } from './certificate-fields.js';
import { findPath } from './certificate-path.js';
import { OWN_ROOT, WHOLE_BUNDLE } from './cures.js';
import { isTimestampOf, readTimestamp, type Timestamp } from './timestamp.js';
import { type Authority, isWithin } from './trust-material.js';

const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';

/**
 * @param stamps DER of the answers
 * @throws {SigstoreError} `TIMESTAMP_INVALID`
 */
export function readTimestamps(stamps: readonly Uint8Array[]): readonly Timestamp[] {
  try {
    return stamps.map((stamp) => readTimestamp(Buffer.from(stamp)));
  } catch (cause) {
    throw new SigstoreError('TIMESTAMP_INVALID', 'Cannot read a timestamp of the bundle', {
      cause,
      hint: WHOLE_BUNDLE,
    });
  }
}

/**
 * Holds every timestamp to `data` and to an authority of the trusted root, as both were at the timestamp's own time. One that does not
 * verify refuses the bundle, whatever the others say.
 * @throws {SigstoreError} `TIMESTAMP_UNTRUSTED` when no authority of the trusted root made it, `TIMESTAMP_INVALID`
 */
export function verifyTimestamps(
  timestamps: readonly Timestamp[],
  data: Uint8Array,
  authorities: readonly Authority[],
): void {
  for (const timestamp of timestamps) {
    const makers = authorities.filter(({ chain: [signer] }) => signer !== undefined && isSigner(signer, timestamp));
    if (makers.length === 0) {
      throw new SigstoreError(
        'TIMESTAMP_UNTRUSTED',
        'Cannot accept a timestamp: no authority of the trusted root made it',
        { hint: OWN_ROOT },
      );
    }
    if (makers.some((authority) => isFrom(authority, timestamp, data))) continue;
    throw new SigstoreError('TIMESTAMP_INVALID', 'Cannot accept a timestamp: it is not about this signature', {
      hint: 'A timestamp of another signature, or of a time at which its authority was not trusted, proves nothing',
    });
  }
  const seen = timestamps.map(
    ({ time, signerSerialNumber }) => `${time.getTime()} ${signerSerialNumber.toString('hex')}`,
  );
  if (new Set(seen).size < seen.length)
    throw new SigstoreError('TIMESTAMP_INVALID', 'Cannot accept a timestamp twice', { hint: WHOLE_BUNDLE });
}

function isSigner({ issuer, serialNumber }: Certificate, timestamp: Timestamp): boolean {
  return issuer.equals(timestamp.signerIssuer) && serialNumber.equals(timestamp.signerSerialNumber);
}

function isFrom(authority: Authority, timestamp: Timestamp, data: Uint8Array): boolean {
  const [signer] = authority.chain;
  if (signer === undefined || !isWithin(authority.validFor, timestamp.time)) return false;
  // RFC 3161, section 2.3: a key for anything else makes no timestamps.
  if (signer.native.keyUsage?.includes(TIME_STAMPING) !== true) return false;
  const path = findPath(signer, authority);
  if (path?.every((certificate) => validAt(certificate, timestamp.time)) !== true) return false;
  try {
    return isTimestampOf(timestamp, data, signer.native.publicKey);
  } catch {
    return false;
  }
}
