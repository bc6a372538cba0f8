import { PavedError } from '@paved/errors';

/** `SBOM_UNVERIFIED`: no stored SBOM of the digest verifies; that is never the same as "nothing found". */
export class RescanError extends PavedError<
  | 'INPUT_INVALID'
  | 'NOTHING_TO_RESCAN'
  | 'TOO_MANY_RELEASES'
  | 'SBOM_UNVERIFIED'
  | 'SBOM_SUBJECT_MISMATCH'
  | 'VERDICT_UNREADABLE'
  | 'RECORD_UNKNOWN'
> {}
