import { PavedError } from '@paved/errors';

export type HermeticBuildErrorCode =
  | 'ARCHIVE_UNSAFE'
  | 'BUILD_FAILED'
  | 'BUILD_TIMEOUT'
  | 'BUNDLE_INCOMPLETE'
  | 'CANARY_INVALID'
  | 'CANARY_REACHED'
  | 'COMMAND_MISSING'
  | 'DEPENDENCY_INSECURE'
  | 'DEPENDENCY_OUTSIDE'
  | 'GIT_DEPENDENCY'
  | 'INTEGRITY_MISMATCH'
  | 'INTEGRITY_MISSING'
  | 'INTEGRITY_WEAK'
  | 'LOCKFILE_INVALID'
  | 'LOCKFILE_MISSING'
  | 'LOCKFILE_OUTDATED'
  | 'LOCKFILE_VERSION'
  | 'OUTPUT_CONFLICT'
  | 'OUTPUT_MISSING'
  | 'OUTPUT_TOO_LARGE'
  | 'OUTPUT_UNSAFE'
  | 'PACKAGE_MISMATCH'
  | 'PLATFORM_MISMATCH'
  | 'REGISTRY_UNKNOWN'
  | 'SANDBOX_BROKEN'
  | 'SANDBOX_UNAVAILABLE'
  | 'SOURCE_MISMATCH'
  | 'SOURCE_UNSAFE';

/** Everything that hermetic-build refuses on purpose. */
export class HermeticBuildError extends PavedError<HermeticBuildErrorCode> {}
