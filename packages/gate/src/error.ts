import { PavedError } from '@paved/errors';

/** Each way in which a gate cannot answer has its own code: none of them is ever "clean". */
export type GateErrorCode =
  | 'REPORT_EMPTY'
  | 'REPORT_MALFORMED'
  | 'REPORT_UNSUPPORTED'
  | 'REPORT_STALE'
  | 'SCANNER_FAILED'
  | 'REPORT_SUBJECT_MISMATCH'
  | 'SBOM_SUBJECT_MISMATCH'
  | 'ADVISORY_MALFORMED'
  | 'DATABASE_EMPTY'
  | 'DATABASE_STALE'
  | 'DATABASE_ECOSYSTEM_MISMATCH'
  | 'KEV_MALFORMED'
  | 'KEV_COUNT_MISMATCH'
  | 'KEV_STALE'
  | 'EPSS_MALFORMED'
  | 'EPSS_STALE'
  | 'REPORT_TOO_LARGE'
  | 'VEX_MALFORMED'
  | 'EXCEPTION_OWNER_UNKNOWN'
  | 'LICENCE_INVALID'
  | 'CVSS_INVALID'
  | 'VERSION_INVALID'
  | 'POLICY_INVALID'
  | 'VERDICT_MALFORMED';

/** The inputs of a decision cannot be used; there is no verdict then. */
export class GateError extends PavedError<GateErrorCode> {}
