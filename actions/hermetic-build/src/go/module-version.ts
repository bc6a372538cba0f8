import { HermeticBuildError } from '../error.js';

export interface ModuleVersion {
  readonly path: string;
  readonly version: string;
}

const SEGMENT = /^(?!\.)[A-Za-z0-9._~-]+(?<!\.)$/;
const VERSION = /^v\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/;

/**
 * Holds a module to what the go command itself allows in paths and versions, because both become file names and addresses.
 * @throws {HermeticBuildError} `LOCKFILE_INVALID`
 */
export function assertModule({ path, version }: ModuleVersion): void {
  const ok = path.split('/').every((segment) => SEGMENT.test(segment)) && VERSION.test(version) && path.length < 1000;
  if (ok) return;
  const text = `${path}@${version}`.slice(0, 200);
  throw new HermeticBuildError('LOCKFILE_INVALID', `Cannot use module "${text}": it is no module path with a version`, {
    hint: 'Run "go mod tidy" and commit go.mod and go.sum',
  });
}

/**
 * Where a module's file lies on a module proxy and in a module cache: capitals as `!` and the small letter
 * (go.dev/ref/mod, "Module proxy", "goproxy-protocol").
 */
export function modulePath({ path, version }: ModuleVersion, extension: 'info' | 'mod' | 'zip'): string {
  const small = (text: string) => text.replaceAll(/[A-Z]/g, (letter) => `!${letter.toLowerCase()}`);
  return `${small(path)}/@v/${small(version)}.${extension}`;
}

export function moduleLabel({ path, version }: ModuleVersion): string {
  return `${path}@${version}`;
}
