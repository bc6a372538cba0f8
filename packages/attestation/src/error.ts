import { PavedError } from '@paved/errors';

export type AttestationErrorCode =
  | 'STATEMENT_MALFORMED'
  | 'STATEMENT_TYPE_UNKNOWN'
  | 'SUBJECTS_EMPTY'
  | 'SUBJECT_DIGEST_INVALID'
  | 'SUBJECT_CONFLICT'
  | 'PREDICATE_TYPE_UNKNOWN'
  | 'PREDICATE_MALFORMED'
  | 'ENVELOPE_MALFORMED'
  | 'DOCUMENT_MALFORMED'
  | 'TRUST_MALFORMED';

/** Every refusal of an attestation document; the cause names the field. */
export class AttestationError extends PavedError<AttestationErrorCode> {}
