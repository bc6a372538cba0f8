import { PavedError } from '@paved/errors';

export type PushErrorCode =
  | 'PUSH_INPUT_INVALID'
  | 'BUNDLES_INVALID'
  | 'BUNDLE_DIGEST_MISMATCH'
  | 'EVIDENCE_MISSING'
  | 'LAYOUT_CHANGED'
  | 'REHEARSAL_REFUSED'
  | 'PUSH_CANCELLED'
  | 'TARGETS_FAILED';

/** What is wrong with the inputs of a push or with the evidence for it; the registry's and the layout's faults are `OciError`. */
export class PushError extends PavedError<PushErrorCode> {}
