import { HermeticBuildError } from '../error.js';
import type { LockEntry } from './entry.js';
import type { LockedPackage, Lockfile } from './lockfile.js';
import { fitsPlatform, type Platform } from './platform.js';

/** A package that this machine installs, with the keys of those that it requires. */
export interface Node {
  readonly package: LockedPackage;
  readonly direct: boolean;
  readonly requires: readonly string[];
}

/**
 * What `npm ci` would install on `platform`: everything that the project or a workspace requires, over the lock file's nesting.
 * An optional package for another platform is left out together with what only it requires.
 * @throws {HermeticBuildError} `PLATFORM_MISMATCH` for a required package, `LOCKFILE_INVALID` for a missing one
 */
export function installedTree(lockfile: Lockfile, platform: Platform): ReadonlyMap<string, Node> {
  const left = new Set<string>();
  for (const { key, entry, name } of lockfile.packages.values()) {
    if (fitsPlatform(entry, platform)) continue;
    if (entry.optional !== true && entry.devOptional !== true && entry.inBundle !== true) {
      throw new HermeticBuildError(
        'PLATFORM_MISMATCH',
        `Cannot install "${name}": it is not for ${platform.os} ${platform.cpu}`,
        { hint: 'Build on the platform that the package is for, or list it under optionalDependencies' },
      );
    }
    left.add(key);
  }
  const direct = directKeys(lockfile);
  const nodes = new Map<string, Node>();
  const queue = [...direct];
  for (let key = queue.pop(); key !== undefined; key = queue.pop()) {
    const found = lockfile.packages.get(key);
    if (found === undefined || nodes.has(key) || left.has(key)) continue;
    const requires = required(lockfile, key, found.entry).filter((target) => !left.has(target));
    nodes.set(key, { package: found, direct: direct.has(key), requires });
    queue.push(...requires);
  }
  return new Map([...nodes].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function directKeys(lockfile: Lockfile): Set<string> {
  const keys = new Set<string>();
  for (const [folder, entry] of [['', lockfile.root] as const, ...lockfile.workspaces]) {
    const withDevelopment = { ...entry, dependencies: { ...entry.devDependencies, ...entry.dependencies } };
    for (const key of required(lockfile, folder, withDevelopment)) keys.add(key);
  }
  return keys;
}

/** Keys of the packages that `entry`, at folder `key`, requires; links to the tree itself end there. */
function required(lockfile: Lockfile, key: string, entry: LockEntry): readonly string[] {
  const mayMiss = new Set([
    ...Object.keys(entry.optionalDependencies ?? {}),
    ...Object.keys(entry.peerDependencies ?? {}),
  ]);
  const names = new Set([...Object.keys(entry.dependencies ?? {}), ...mayMiss]);
  const keys: string[] = [];
  for (const name of names) {
    const target = lookUp(lockfile, key, name);
    if (target === undefined && !mayMiss.has(name)) {
      throw new HermeticBuildError(
        'LOCKFILE_INVALID',
        `Cannot find "${name}", which "${key || 'the project'}" requires: it is not in package-lock.json`,
        {
          hint: 'Run "npm install" and commit the new lock file',
        },
      );
    }
    if (target !== undefined && lockfile.packages.has(target)) keys.push(target);
  }
  return keys;
}

/** Node's own rule: node_modules of the folder, then of each folder above it. */
function lookUp(lockfile: Lockfile, from: string, name: string): string | undefined {
  const segments = from === '' ? [] : from.split('/');
  for (let depth = segments.length; depth >= 0; depth--) {
    if (segments[depth - 1] === 'node_modules') continue;
    const key = [...segments.slice(0, depth), 'node_modules', name].join('/');
    if (lockfile.packages.has(key) || lockfile.links.has(key)) return key;
  }
  return undefined;
}
