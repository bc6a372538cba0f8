import { PavedError } from '@paved/errors';

export type ProvenanceErrorCode =
  | 'TOKEN_MALFORMED'
  | 'TOKEN_EXPIRED'
  | 'TOKEN_SIGNATURE_INVALID'
  | 'TOKEN_AUDIENCE_WRONG'
  | 'ISSUER_UNTRUSTED'
  | 'CLAIM_MISSING'
  | 'CLAIM_MISMATCH'
  | 'EVENT_NOT_ALLOWED'
  | 'REF_NOT_PROTECTED'
  | 'RUNNER_NOT_HOSTED'
  | 'SOURCE_MISMATCH'
  | 'NEED_NOT_SUCCESSFUL'
  | 'JOB_NOT_FOUND'
  | 'JOB_NOT_SUCCESSFUL'
  | 'BUILD_FAILED'
  | 'PLANTED_STATEMENT'
  | 'SUBJECT_UNREADABLE'
  | 'SUBJECTS_MISSING'
  | 'RECORD_MISSING'
  | 'REHEARSAL_HAS_TOKEN'
  | 'EVENT_UNREADABLE'
  | 'INPUT_INVALID';

/** A reason not to describe this build; the token itself is never part of the message or of a cause. */
export class ProvenanceError extends PavedError<ProvenanceErrorCode> {}
