import { BomError } from '../error.js';
import { parseBunLock } from './bun.js';
import { parseBundlerLock } from './bundler.js';
import { parseGoMod, parseGoSum } from './go.js';
import { parseComposerLock, parsePipfileLock } from './json-locks.js';
import { parseGradleLock, parseMavenLock } from './jvm.js';
import type { Lockfile, LockfileKind } from './lockfile.js';
import { parseNpmLock } from './npm.js';
import { parsePnpmLock } from './pnpm.js';
import { parseRequirements } from './requirements.js';
import { parseCargoLock, parsePoetryLock, parseUvLock } from './toml-locks.js';
import { parseYarnLock } from './yarn.js';

/** A lock file above this is an attack or a mistake; the largest real ones have a few megabytes. */
export const MAX_LOCKFILE_BYTES = 64 * 1024 * 1024;

const PARSERS: Readonly<Record<LockfileKind, (text: string) => Lockfile>> = {
  npm: parseNpmLock,
  pnpm: parsePnpmLock,
  yarn: parseYarnLock,
  'go.sum': parseGoSum,
  'go.mod': parseGoMod,
  requirements: parseRequirements,
  poetry: parsePoetryLock,
  uv: parseUvLock,
  cargo: parseCargoLock,
  maven: parseMavenLock,
  gradle: parseGradleLock,
  pipfile: parsePipfileLock,
  composer: parseComposerLock,
  bundler: parseBundlerLock,
  bun: parseBunLock,
};

const NAMES: readonly (readonly [RegExp, LockfileKind])[] = [
  [/^(?:package-lock|npm-shrinkwrap)\.json$/, 'npm'],
  [/^pnpm-lock\.yaml$/, 'pnpm'],
  [/^yarn\.lock$/, 'yarn'],
  [/^go\.sum$/, 'go.sum'],
  [/^go\.mod$/, 'go.mod'],
  [/^requirements[\w.-]*\.txt$/, 'requirements'],
  [/^poetry\.lock$/, 'poetry'],
  [/^uv\.lock$/, 'uv'],
  [/^Cargo\.lock$/, 'cargo'],
  [/^(?:maven-)?lockfile\.json$/, 'maven'],
  [/^(?:buildscript-)?gradle\.lockfile$/, 'gradle'],
  [/^Pipfile\.lock$/, 'pipfile'],
  [/^composer\.lock$/, 'composer'],
  [/^(?:Gemfile|gems)\.lock(?:ed)?$/, 'bundler'],
  [/^bun\.lock$/, 'bun'],
];

/** The kind that a file of this name has, by the package managers' own conventions. */
export function lockfileKindOf(path: string): LockfileKind | undefined {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return NAMES.find(([pattern]) => pattern.test(name))?.[1];
}

/**
 * Reads a lock file of a repository that is not trusted; nothing is resolved, fetched or run.
 * @throws {BomError} `LOCKFILE_MALFORMED`, `LOCKFILE_TOO_LARGE`
 */
export function parseLockfile(kind: LockfileKind, text: string): Lockfile {
  if (text.length > MAX_LOCKFILE_BYTES) {
    throw new BomError('LOCKFILE_TOO_LARGE', `Cannot read the lock file: it has ${text.length} characters`, {
      hint: `The limit is ${MAX_LOCKFILE_BYTES}`,
    });
  }
  return PARSERS[kind](text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
}
