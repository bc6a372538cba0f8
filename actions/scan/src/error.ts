import { PavedError } from '@paved/errors';

/**
 * Each way in which a scanner gives no answer has a code of its own, and none of them is "clean". `SCANNER_CRASHED`: a signal ended
 * it. `SCANNER_FAILED`: it ended with a status that means neither findings nor none. `SCANNER_NOTHING_SCANNED`: it says that there
 * was nothing to look at. `SCANNER_OUTPUT_INVALID`: cut off, or not in its own format.
 */
export type ScanErrorCode =
  | 'DATABASE_MALFORMED'
  | 'DATABASE_MISSING'
  | 'DATABASE_STALE'
  | 'DATABASE_UNAVAILABLE'
  | 'INPUT_INVALID'
  | 'INPUT_MISSING'
  | 'INPUT_UNSAFE'
  | 'PLATFORM_UNSUPPORTED'
  | 'SCANNER_CRASHED'
  | 'SCANNER_FAILED'
  | 'SCANNER_NOTHING_SCANNED'
  | 'SCANNER_OUTPUT_EMPTY'
  | 'SCANNER_OUTPUT_INVALID'
  | 'SCANNER_OUTPUT_TOO_LARGE'
  | 'SCANNER_TIMEOUT';

export class ScanError extends PavedError<ScanErrorCode> {}
