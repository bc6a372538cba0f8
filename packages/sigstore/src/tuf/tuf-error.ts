import { HttpError } from '@paved/http';
import { UnsignedMetadataError } from '@tufjs/models/dist/error.js';
import { BadVersionError, ExpiredMetadataError } from 'tuf-js/dist/error.js';
import { SigstoreError, type TrustUpdateErrorCode } from '../error.js';

/** Each attack of the TUF specification (section 1.5.2) that shows in an update has its own code and cure. */
const HINTS: Readonly<Record<TrustUpdateErrorCode, string>> = {
  TUF_UNAVAILABLE: 'Run the step again when the repository answers, or choose trust-updates "preferred"',
  TUF_EXPIRED: 'The repository, a cache before it, or the clock of this machine is behind; nothing older is believed',
  TUF_ROLLBACK: 'The repository answers with an older state than it did before; find out who serves it',
  TUF_SIGNATURE_INVALID: 'Too few trusted keys signed this file; check that the address and the root belong together',
  TUF_METADATA_INVALID: 'Check that the address names the update repository that you mean',
  TUF_TARGET_INVALID: 'The file is not the one that was signed; find out who serves it',
  TUF_TARGET_MISSING: 'Check that the address names the update repository of a Sigstore instance',
};

const STATES: Readonly<Record<TrustUpdateErrorCode, string>> = {
  TUF_UNAVAILABLE: 'it cannot be fetched',
  TUF_EXPIRED: 'it has expired',
  TUF_ROLLBACK: 'it is of another version than it must be',
  TUF_SIGNATURE_INVALID: 'too few trusted keys signed it',
  TUF_METADATA_INVALID: 'it is not what the repository promises',
  TUF_TARGET_INVALID: 'its bytes are not those that were signed',
  TUF_TARGET_MISSING: 'the repository does not have it',
};

export function trustUpdateError(code: TrustUpdateErrorCode, file: string, cause?: unknown): SigstoreError {
  return new SigstoreError(code, `Cannot update the trust in the instance with "${file}": ${STATES[code]}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: HINTS[code],
  });
}

/** What the library found wrong with a metadata file. */
export function metadataError(file: string, cause: unknown): SigstoreError {
  if (cause instanceof SigstoreError) return cause;
  if (cause instanceof ExpiredMetadataError) return trustUpdateError('TUF_EXPIRED', file, cause);
  if (cause instanceof BadVersionError) return trustUpdateError('TUF_ROLLBACK', file, cause);
  if (cause instanceof UnsignedMetadataError) return trustUpdateError('TUF_SIGNATURE_INVALID', file, cause);
  return trustUpdateError('TUF_METADATA_INVALID', file, cause);
}

/** What went wrong in a request; an answer without end is a lie, not an outage. */
export function downloadError(file: string, cause: unknown): SigstoreError {
  const tooLarge = cause instanceof HttpError && cause.code === 'HTTP_BODY_TOO_LARGE';
  return trustUpdateError(tooLarge ? 'TUF_METADATA_INVALID' : 'TUF_UNAVAILABLE', file, cause);
}
