import type { LockEntry } from '../lockfile/entry.js';

/** A package of a lock file that has no folders; `requires` is by the name under which it is looked up. */
export interface GraphPackage {
  readonly name: string;
  readonly version: string;
  readonly entry: Pick<
    LockEntry,
    'resolved' | 'integrity' | 'zipChecksum' | 'locator' | 'patches' | 'os' | 'cpu' | 'libc' | 'optional'
  >;
  readonly requires: ReadonlyMap<string, string>;
}

/** One package of the source itself: the project, or a workspace of it. */
export interface Importer {
  /** Relative to the source; empty for the project. */
  readonly folder: string;
  /** package.json as the lock file fits it. */
  readonly manifest: LockEntry;
  /** What package.json asks for, by name, to the id of the package or to {@link linkTo}. */
  readonly runtime: ReadonlyMap<string, string>;
  readonly development: ReadonlyMap<string, string>;
}

export interface PackageGraph {
  /** The project first. */
  readonly importers: readonly [Importer, ...Importer[]];
  readonly packages: ReadonlyMap<string, GraphPackage>;
}

const LINK = 'link:';

/** Stands for a folder of the source where an id is expected; no package of a registry can have such an id. */
export function linkTo(folder: string): string {
  return `${LINK}${folder}`;
}

export function linkedFolder(id: string): string | undefined {
  return id.startsWith(LINK) ? id.slice(LINK.length) : undefined;
}
