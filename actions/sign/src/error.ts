import { PavedError } from '@paved/errors';

export type SignErrorCode =
  | 'NOTHING_TO_SIGN'
  | 'INPUT_INVALID'
  | 'CLAIM_MISMATCH'
  | 'PLANTED_STATEMENT'
  | 'STATEMENT_ORIGIN'
  | 'STATEMENT_SLOT'
  | 'STATEMENT_TOO_LARGE'
  | 'PREDICATE_TYPE_RESERVED'
  | 'SUBJECTS_MISSING'
  | 'SUBJECT_MISMATCH'
  | 'FILE_UNREADABLE'
  | 'BLOB_ALREADY_SIGNED'
  | 'CHECKSUMS_MALFORMED'
  | 'LAYOUT_MALFORMED'
  | 'IMAGE_NOT_FOUND'
  | 'LEGACY_NOT_PUSHED'
  | 'WRITE_FAILED'
  | 'OWN_BUNDLE_REFUSED';

/** A reason to sign nothing at all; what failed in the signing itself is a `SigstoreError`. */
export class SignError extends PavedError<SignErrorCode> {}
