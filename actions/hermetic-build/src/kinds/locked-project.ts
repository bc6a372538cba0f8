import type { FetchedPackage, FetchManifest } from '@paved/bom';
import type { HttpClient } from '@paved/http';
import type { ReadOnlyBind } from '@paved/sandbox';
import type { NamedHosts } from '../fetch/named-hosts.js';

/** Families of packages, each with a source of its own that `registries` can replace. */
export type RegistryKind = 'npm' | 'go' | 'pypi' | 'cargo' | 'maven';

export interface FetchOptions {
  /** Asks hosts of a private network only where the user named them. */
  readonly http: HttpClient;
  /** A project adds what it learns from the configuration of this user. */
  readonly hosts: NamedHosts;
  /** Folder that is made and filled; every name in it is a digest, or the index of such names. */
  readonly bundlePath: string;
  /** Empty scratch folder, where the package manager is asked for its configuration. */
  readonly workDir: string;
  /** What the inputs name; else the package manager's own configuration of the user counts, never the repository's. */
  readonly registry: URL | undefined;
  /** Name of the repository, for projects that have no name of their own. */
  readonly repository: string;
  readonly onProgress: (done: number, all: number) => void;
}

export interface Fetched {
  readonly root: FetchManifest['root'];
  readonly packages: readonly FetchedPackage[];
  /** What the user should know, one sentence each. */
  readonly notices: readonly string[];
}

export interface InstallOptions {
  readonly bundlePath: string;
  /** The copy of the source. */
  readonly buildPath: string;
  /** Folder outside of the copy that is made when needed and shown to the command, read-only. */
  readonly depsPath: string;
  /** Where the command sees `depsPath`. */
  readonly visibleDepsPath: string;
  /** Time of each file, in seconds. */
  readonly sourceDateEpoch: number;
  /** Home of the command, as it sees it; writable. */
  readonly home: string;
  readonly workDir: string;
  /** Whether folders can be bound to other places; not on the bare machine. */
  readonly sandboxed: boolean;
}

/** What the command needs besides the copy of the source. */
export interface Installed {
  /** Packages that are there offline. */
  readonly count: number;
  readonly environment: Readonly<Record<string, string>>;
  /** Read-only folders besides `depsPath`: a toolchain that lies where nothing is shown. */
  readonly binds: readonly ReadOnlyBind[];
  /** Folders, as the command sees them, that come first in its PATH. */
  readonly path: readonly string[];
  /** Shell text of our own that runs in the sandbox before the command, under `set -e`. */
  readonly prelude: string;
  /** What the user should know, one sentence each. */
  readonly notices?: readonly string[];
}

/** A project with its lock file, read and held to each other; both phases make it anew from the source. */
export interface LockedProject {
  readonly lockfiles: FetchManifest['lockfiles'];
  readonly registryKind: RegistryKind | undefined;
  /** Every single package that {@link fetch} would refuse before it asks for anything, where a kind can tell. */
  refusals?(): readonly Error[];
  /** Downloads what is locked, checked against the lock file; nothing of it is run. */
  fetch(options: FetchOptions): Promise<Fetched>;
  /** Lays out the bundle for the command, checked against the lock file once more. */
  install(options: InstallOptions): Promise<Installed>;
}
