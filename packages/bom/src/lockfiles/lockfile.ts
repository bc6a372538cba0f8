import { BomError } from '../error.js';

/** `yarn` stands for both formats: the document itself says which (`__metadata` is berry's). */
export const LOCKFILE_KINDS = [
  'npm',
  'pnpm',
  'yarn',
  'go.sum',
  'go.mod',
  'requirements',
  'poetry',
  'uv',
  'cargo',
  'maven',
  'gradle',
  'pipfile',
  'composer',
  'bundler',
  'bun',
] as const;
export type LockfileKind = (typeof LOCKFILE_KINDS)[number];

/**
 * One entry of a lock file, as it stands there: the same package at two places is two entries. `purl` is canonical, absent for what
 * no registry has (a folder, a workspace); `integrity` is the lock file's own text; `requires` names the `key` of other entries.
 */
export interface LockedPackage {
  readonly key: string;
  readonly purl?: string;
  /** The OSV ecosystem. */
  readonly ecosystem: string;
  readonly name: string;
  readonly version: string;
  readonly source: 'registry' | 'git' | 'url' | 'local' | 'unknown';
  readonly scope: 'runtime' | 'development';
  readonly optional: boolean;
  /** Inside another package's archive: no archive of its own, so no integrity of its own. */
  readonly bundled: boolean;
  /** Absent where the lock file does not tell. */
  readonly direct?: boolean;
  readonly integrity: readonly string[];
  readonly requires: readonly string[];
}

export interface Lockfile {
  readonly kind: LockfileKind;
  /** As the document states it; empty where the format has none. */
  readonly version: string;
  /** Name of the module or project where the lock file states it. */
  readonly root?: string;
  readonly packages: readonly LockedPackage[];
  /** Lines or entries that ask for a package without fixing its version: they cannot be matched, and are not nothing. */
  readonly unresolved: readonly string[];
  /** Counts that only one format has (`links`, `goModLines`, `snapshots`, ...). */
  readonly counts: Readonly<Record<string, number>>;
}

/** Fields that most entries share. */
export function lockedPackage(
  fields: Pick<LockedPackage, 'key' | 'ecosystem' | 'name' | 'version'> & Partial<LockedPackage>,
): LockedPackage {
  return {
    source: 'registry',
    scope: 'runtime',
    optional: false,
    bundled: false,
    integrity: [],
    requires: [],
    ...fields,
  };
}

export function malformed(what: string, state: string, cause?: unknown): BomError {
  return new BomError('LOCKFILE_MALFORMED', `Cannot read the lock file (${what}): ${state}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'Write it again with the package manager',
  });
}

export type Fields = Readonly<Record<string, unknown>>;

/** Own members only: a key named `__proto__` or `constructor` is data, not a prototype. */
export function fieldsOf(value: unknown): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {};
  return value as Fields;
}

export function get(value: unknown, key: string): unknown {
  const fields = fieldsOf(value);
  return Object.hasOwn(fields, key) ? fields[key] : undefined;
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
