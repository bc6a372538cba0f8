import { PavedError } from '@paved/errors';

/**
 * `REPORT_REFUSED`: the service refuses what the job may not write; nothing was shown then. `WEBHOOK_REFUSED`: the address is not of an
 * allowed host, and got nothing. `NOTIFICATION_FAILED`: somebody who must be told was not.
 */
export type ReportErrorCode =
  | 'VERDICT_UNREADABLE'
  | 'REPORT_REFUSED'
  | 'INPUT_INVALID'
  | 'WEBHOOK_REFUSED'
  | 'WEBHOOK_FAILED'
  | 'NOTIFICATION_FAILED'
  | 'SNAPSHOT_INVALID';

export class ReportError extends PavedError<ReportErrorCode> {}
