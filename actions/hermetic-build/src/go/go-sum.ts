import { parseLockfile } from '@paved/bom/lockfiles';
import { HermeticBuildError } from '../error.js';
import type { ModuleVersion } from './module-version.js';

/** What go.sum allows, as `h1:` hashes. */
export interface GoSum {
  readonly zips: ReadonlyMap<string, { readonly module: ModuleVersion; readonly hashes: readonly string[] }>;
  /** Hashes of go.mod files alone. */
  readonly mods: ReadonlyMap<string, { readonly module: ModuleVersion; readonly hashes: readonly string[] }>;
}

/** @throws {BomError} `LOCKFILE_MALFORMED` for a line that is not "module version h1:hash" */
export function readGoSum(text: string): GoSum {
  // Every line is held to the format there; what it leaves out are the lines of go.mod files.
  parseLockfile('go.sum', text);
  const zips = new Map<string, { module: ModuleVersion; hashes: string[] }>();
  const mods = new Map<string, { module: ModuleVersion; hashes: string[] }>();
  for (const line of text.split(/\r?\n/)) {
    const [path, field, hash] = line.trim().split(' ');
    if (path === undefined || field === undefined || hash === undefined) continue;
    const version = field.replace(/\/go\.mod$/, '');
    const target = field === version ? zips : mods;
    const key = `${path}@${version}`;
    const known = target.get(key) ?? { module: { path, version }, hashes: [] };
    known.hashes.push(hash);
    target.set(key, known);
  }
  return { zips, mods };
}

export function unlocked(label: string): HermeticBuildError {
  return new HermeticBuildError('INTEGRITY_MISSING', `Cannot fetch "${label}": go.sum has no hash for it`, {
    hint: 'Run "go mod tidy" and commit go.mod and go.sum',
  });
}
