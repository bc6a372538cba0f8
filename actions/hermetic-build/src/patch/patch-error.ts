import { HermeticBuildError } from '../error.js';

/** What is asked for cannot be patched, or not under these rules; nothing was started. */
export function patchRefused(state: string, hint: string): HermeticBuildError {
  return new HermeticBuildError('IMAGE_PATCH_REFUSED', `Cannot patch the base image: ${state}`, { hint });
}

/** It was tried, and what came of it is not used. */
export function patchFailed(state: string, hint: string, cause?: unknown): HermeticBuildError {
  return new HermeticBuildError('IMAGE_PATCH_FAILED', `Cannot patch the base image: ${state}`, { hint, cause });
}
