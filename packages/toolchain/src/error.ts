import { PavedError } from '@paved/errors';

export type ToolchainErrorCode =
  | 'BUNDLE_FAILED'
  | 'BUNDLE_UNRESOLVED'
  | 'BUNDLE_STARTS_PROCESSES'
  | 'BUNDLE_ASSET'
  | 'BUNDLE_PATH'
  | 'LICENCE_MISSING'
  | 'ACTION_UNKNOWN'
  | 'DEFINITION_INVALID'
  | 'RELEASE_INCOMPLETE'
  | 'RELEASE_TOO_LARGE'
  | 'RELEASE_DIFFERS'
  | 'REBUILD_FAILED'
  | 'COMMIT_UNKNOWN'
  | 'TRUST_REFUSED'
  | 'TAG_REFUSED'
  | 'OPTION_UNKNOWN';

/** What a command of the toolchain refuses; the hint names the command to run. */
export class ToolchainError extends PavedError<ToolchainErrorCode> {}
