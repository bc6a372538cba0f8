import { parseJson } from '@paved/json';
import { HermeticBuildError } from '../error.js';
import { type LockEntry, lockDocument } from './entry.js';

/** A package that lies under a node_modules folder of the lock file's tree; `key` is its folder, relative to the project. */
export interface LockedPackage {
  readonly key: string;
  /** Its own name, also where an alias installs it under another one. */
  readonly name: string;
  readonly version: string;
  readonly entry: LockEntry;
}

export interface Lockfile {
  readonly root: LockEntry;
  readonly packages: ReadonlyMap<string, LockedPackage>;
  /** Folder under node_modules to the folder in the tree that it stands for. */
  readonly links: ReadonlyMap<string, string>;
  /** Folders of the tree itself besides the root. */
  readonly workspaces: ReadonlyMap<string, LockEntry>;
}

const MAX_PACKAGES = 50_000;
const SEGMENT = /^(?!\.{1,2}$)[^/\\\0\n\r:]+$/;
/** What a package manager writes for a commit; archives that a forge makes of one are not stable either. */
const GIT =
  /^(git[+:@]|github:|gitlab:|bitbucket:|gist:|ssh:|https:\/\/codeload\.github\.com\/)|\.git(#|$)|#(?:.*&)?commit=/;
const PACKAGE_FOLDER = /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/@][^/]*)$/;

/**
 * Reads a package-lock.json of version 2 or 3; the `dependencies` of version 2 repeat `packages` and are not read.
 * @throws {HermeticBuildError} `LOCKFILE_VERSION`, `LOCKFILE_INVALID`, `DEPENDENCY_OUTSIDE`
 */
export function parseLockfile(text: string): Lockfile {
  const document = parseJson('package-lock.json', text, lockDocument);
  const { lockfileVersion: version, packages } = document;
  if (version !== 2 && version !== 3) {
    const found = typeof version === 'number' ? `its lockfileVersion is ${version}` : 'it has no lockfileVersion';
    throw new HermeticBuildError('LOCKFILE_VERSION', `Cannot read package-lock.json: ${found}, expected 2 or 3`, {
      hint: 'Run "npm install --lockfile-version 3" and commit the result',
    });
  }
  const root = packages?.[''];
  if (packages === undefined || root === undefined) throw invalid('it does not describe the project itself');
  if (Object.keys(packages).length > MAX_PACKAGES) throw invalid(`it has more than ${MAX_PACKAGES} packages`);
  const named = { ...(document.name === undefined ? {} : { name: document.name }), ...root };
  return sort(packages, document.version === undefined ? named : { version: document.version, ...named });
}

function sort(entries: Readonly<Record<string, LockEntry>>, root: LockEntry): Lockfile {
  const packages = new Map<string, LockedPackage>();
  const links = new Map<string, string>();
  const workspaces = new Map<string, LockEntry>();
  for (const [key, entry] of Object.entries(entries)) {
    if (key === '') continue;
    assertInside(key);
    const folder = PACKAGE_FOLDER.exec(key)?.[1];
    if (entry.link === true) links.set(key, entry.resolved ?? '');
    else if (folder === undefined) workspaces.set(key, entry);
    else packages.set(key, lockedPackage(key, folder, entry));
  }
  for (const [key, target] of links) {
    assertInside(target, key);
    if (!Object.hasOwn(entries, target)) throw invalid(`"${key}" links to "${target}", which is not in it`);
  }
  return { root, packages, links, workspaces };
}

function lockedPackage(key: string, folder: string, entry: LockEntry): LockedPackage {
  if (entry.version === undefined) {
    // npm writes no version for what has none of its own: a git checkout or a folder.
    assertNotGit(key, entry.resolved);
    throw invalid(`"${key}" has no version`);
  }
  return { key, name: entry.name ?? folder, version: entry.version, entry };
}

/** A commit has no digest in the lock file, and packing it would run its scripts. */
export function assertNotGit(key: string, resolved: string | undefined): void {
  if (resolved === undefined || !GIT.test(resolved)) return;
  throw new HermeticBuildError('GIT_DEPENDENCY', `Cannot fetch "${key}": it comes from a git repository`, {
    hint: 'Depend on a published version, or commit a tarball of it and depend on file:<tarball>',
  });
}

/** Attack: a key or link target like `../../home` makes the installation write outside of the tree. */
function assertInside(path: string, key = path): void {
  if (path.split('/').every((segment) => SEGMENT.test(segment))) return;
  throw new HermeticBuildError(
    'DEPENDENCY_OUTSIDE',
    `Cannot use "${key.slice(0, 200)}": it leads out of the source tree`,
    {
      hint: 'Move linked packages into the repository, or publish them',
    },
  );
}

function invalid(state: string): HermeticBuildError {
  return new HermeticBuildError('LOCKFILE_INVALID', `Cannot use package-lock.json: ${state}`, {
    hint: 'Delete package-lock.json, run "npm install" and commit the new lock file',
  });
}
