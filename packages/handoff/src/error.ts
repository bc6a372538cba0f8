import { PavedError } from '@paved/errors';

export type HandoffErrorCode =
  | 'HANDOFF_NAME_INVALID'
  | 'HANDOFF_EMPTY'
  | 'HANDOFF_FILE_REFUSED'
  | 'HANDOFF_TOO_LARGE'
  | 'HANDOFF_MISSING'
  | 'HANDOFF_TRANSFER_FAILED'
  | 'HANDOFF_DIGEST_MISMATCH'
  | 'HANDOFF_ARCHIVE_REFUSED'
  | 'HANDOFF_SERVER_UNSUPPORTED'
  | 'HANDOFF_OTHER_RUN'
  | 'HANDOFF_STALE'
  | 'HANDOFF_ORIGIN_INVALID'
  | 'HANDOFF_LEGS_INVALID'
  | 'HANDOFF_LEG_MISSING'
  | 'HANDOFF_LEG_REPEATED'
  | 'HANDOFF_LEGS_MIXED'
  | 'HANDOFF_INSIDE_WORKSPACE'
  | 'HANDOFF_TARGET_EXISTS';

/** Why files did not pass from one job to the next; nothing of them is on disk then. */
export class HandoffError extends PavedError<HandoffErrorCode> {}
