import { array, object, optional, parseJson, string } from '@paved/json';
import { SigstoreError } from '../error.js';

/** Who signed what an entry is about; an entry with a bare key has no certificate. */
export interface LoggedSigner {
  readonly kind: string;
  readonly version: string;
  /** DER, one for each signature. */
  readonly certificates: readonly Buffer[];
}

const signature = object({ verifier: object({ x509Certificate: optional(object({ rawBytes: string })) }) });
const entry = object({
  kind: string,
  apiVersion: string,
  spec: object({
    hashedRekordV002: optional(object({ signature })),
    dsseV002: optional(object({ signatures: array(signature) })),
  }),
});

/**
 * Reads the signers out of an entry of Rekor v2: `hashedrekord` and `dsse`, both of version 0.0.2.
 * @throws {SigstoreError} `LOG_ENTRY_UNREADABLE`, also for any other kind: what it says is not known
 */
export function readLoggedSigner(bytes: Buffer): LoggedSigner {
  try {
    const { kind, apiVersion, spec } = parseJson('the log entry', bytes.toString('utf8'), entry);
    const signatures =
      spec.hashedRekordV002 === undefined ? spec.dsseV002?.signatures : [spec.hashedRekordV002.signature];
    if (signatures === undefined) throw new RangeError('its kind is not known');
    const certificates = signatures.flatMap(({ verifier }) => verifier.x509Certificate ?? []);
    return {
      kind,
      version: apiVersion,
      certificates: certificates.map(({ rawBytes }) => Buffer.from(rawBytes, 'base64')),
    };
  } catch (cause) {
    throw new SigstoreError('LOG_ENTRY_UNREADABLE', 'Cannot read a log entry', { cause });
  }
}
