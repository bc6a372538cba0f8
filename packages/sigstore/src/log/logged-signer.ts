import { SigstoreError } from '../error.js';
import { readLogEntryBody } from '../verify/log-entry-body.js';

/** Who signed what an entry is about; an entry with a bare key has no certificate. */
export interface LoggedSigner {
  readonly kind: string;
  readonly version: string;
  /** DER, one for each signature. */
  readonly certificates: readonly Buffer[];
}

/**
 * Reads the signers out of an entry of any kind that a verifier takes, with the verifier's own reader: what that accepts is seen here.
 * @throws {SigstoreError} `LOG_ENTRY_UNREADABLE`, also for any other kind: what it says is not known
 */
export function readLoggedSigner(bytes: Buffer): LoggedSigner {
  try {
    const { kind, version, signatures } = readLogEntryBody(bytes);
    return { kind, version, certificates: signatures.flatMap(({ certificate }) => certificate ?? []) };
  } catch (cause) {
    throw new SigstoreError('LOG_ENTRY_UNREADABLE', 'Cannot read a log entry', { cause });
  }
}
