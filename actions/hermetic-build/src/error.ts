import { PavedError } from '@paved/errors';

export type HermeticBuildErrorCode =
  | 'ARCHIVE_UNSAFE'
  | 'BUILD_DIFFERS'
  | 'BUILD_FAILED'
  | 'BUILD_TIMEOUT'
  | 'BUNDLE_INCOMPLETE'
  | 'COMMAND_MISSING'
  | 'DEPENDENCY_INSECURE'
  | 'DEPENDENCY_OUTSIDE'
  | 'GIT_DEPENDENCY'
  | 'IMAGE_INVALID'
  | 'INTEGRITY_MISMATCH'
  | 'INTEGRITY_MISSING'
  | 'INTEGRITY_WEAK'
  | 'LOCKFILE_INVALID'
  | 'LOCKFILE_KIND'
  | 'LOCKFILE_MISSING'
  | 'LOCKFILE_OUTDATED'
  | 'LOCKFILE_VERSION'
  | 'OUTPUT_CONFLICT'
  | 'OUTPUT_MISSING'
  | 'OUTPUT_TOO_LARGE'
  | 'OUTPUT_UNSAFE'
  | 'PACKAGE_MISMATCH'
  | 'PATCH_FAILED'
  | 'PLATFORM_MISMATCH'
  | 'REGISTRY_ANSWER'
  | 'REGISTRY_UNKNOWN'
  | 'SOURCE_MISMATCH'
  | 'SOURCE_UNSAFE'
  | 'TOOLCHAIN_MISSING';

/** Everything that hermetic-build refuses on purpose. */
export class HermeticBuildError extends PavedError<HermeticBuildErrorCode> {}
