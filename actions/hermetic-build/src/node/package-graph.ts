import type { LockEntry } from '../lockfile/entry.js';

/** A package of a lock file that has no folders; `requires` is by the name under which it is looked up. */
export interface GraphPackage {
  readonly name: string;
  readonly version: string;
  readonly entry: Pick<LockEntry, 'resolved' | 'integrity' | 'os' | 'cpu' | 'libc' | 'optional'>;
  readonly requires: ReadonlyMap<string, string>;
}

export interface PackageGraph {
  /** package.json as the lock file fits it. */
  readonly root: LockEntry;
  readonly packages: ReadonlyMap<string, GraphPackage>;
  /** What package.json asks for, by name, to the id of the package. */
  readonly runtime: ReadonlyMap<string, string>;
  readonly development: ReadonlyMap<string, string>;
}
