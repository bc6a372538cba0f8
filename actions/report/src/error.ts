import { PavedError } from '@paved/errors';

/** `REPORT_REFUSED`: the service refuses what the job may not write; nothing was shown then. */
export class ReportError extends PavedError<'VERDICT_UNREADABLE' | 'REPORT_REFUSED'> {}
