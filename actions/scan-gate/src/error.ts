import { PavedError } from '@paved/errors';

/**
 * `DATABASE_MALFORMED`: no zip, a hostile zip, or no OSV records in it. `DATABASE_TOO_LARGE`: above a cap on bytes, entries or
 * ratio. `SOURCE_INVALID`: neither an https URL nor a file in reach. `INSPECTION_INVALID`: the folder is not what its document
 * says. `NOTHING_TO_JUDGE`, `SUBJECT_MISSING`: no SBOM and no report, or nothing that they are about.
 * `EXCEPTION_FROM_PULL_REQUEST`: whoever wants the exception would grant it. `VEX_BUNDLE_INVALID`: a bundle without statements of
 * OpenVEX, given as a document. `RULES_INVALID`: no rule module. `RULES_FAILED`, `RULES_TIMEOUT`: a module that gives no answer, which is
 * never the same as no findings. `BUILD_REPORT_FOREIGN`: what a build says about its image is something else.
 */
export type ScanGateErrorCode =
  | 'DATABASE_MALFORMED'
  | 'DATABASE_TOO_LARGE'
  | 'SOURCE_INVALID'
  | 'INSPECTION_INVALID'
  | 'FILE_UNREADABLE'
  | 'NOTHING_TO_JUDGE'
  | 'SUBJECT_MISSING'
  | 'POLICY_UNREADABLE'
  | 'POLICY_BRANCH_UNPROTECTED'
  | 'EXCEPTION_FROM_PULL_REQUEST'
  | 'VEX_BUNDLE_INVALID'
  | 'RULES_INVALID'
  | 'RULES_FAILED'
  | 'RULES_TIMEOUT'
  | 'BUILD_REPORT_FOREIGN'
  | 'INPUT_INVALID';

export class ScanGateError extends PavedError<ScanGateErrorCode> {}
