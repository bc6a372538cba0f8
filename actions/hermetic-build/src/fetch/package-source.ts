import { posix } from 'node:path';
import { HermeticBuildError } from '../error.js';
import { assertNotGit, type LockedPackage } from '../lockfile/lockfile.js';
import type { NamedHosts } from './named-hosts.js';

/** Where the bytes of a package come from. */
export type PackageSource =
  | UrlSource
  /** Relative to the project. */
  | { readonly $case: 'file'; readonly path: string };

export interface UrlSource {
  readonly $case: 'url';
  readonly url: URL;
  /** Of another host nothing is told of what it answers. */
  readonly isNamedByUser: boolean;
}

export function urlSource(url: URL, hosts: NamedHosts): UrlSource {
  return { $case: 'url', url, isNamedByUser: hosts.has(url) };
}

/**
 * Decides from the lock file entry alone. `registry` replaces the host of whatever lies where a registry puts it; a tarball of
 * another site is fetched from there, and its integrity is what makes that safe.
 * @param defaultRegistry asked only when the lock file names no host
 * @throws {HermeticBuildError} `GIT_DEPENDENCY`, `DEPENDENCY_INSECURE`, `DEPENDENCY_OUTSIDE`, `LOCKFILE_INVALID`
 */
export async function packageSource(
  locked: LockedPackage,
  registry: URL | undefined,
  defaultRegistry: () => Promise<URL>,
  hosts: NamedHosts,
): Promise<PackageSource> {
  const { key, entry } = locked;
  const { resolved } = entry;
  assertNotGit(key, resolved);
  if (resolved === undefined) return urlSource(registryUrl(registry ?? (await defaultRegistry()), locked), hosts);
  if (resolved.startsWith('file:')) return { $case: 'file', path: insidePath(key, resolved.slice('file:'.length)) };
  const url = secureUrl(key, resolved);
  const isReplaced = registry !== undefined && isRegistryUrl(url, locked);
  return urlSource(isReplaced ? registryUrl(registry, locked) : url, hosts);
}

/** Where a registry of npm has the archive of a version. */
export function archivePath({ name, version }: LockedPackage): string {
  return `${name}/-/${name.slice(name.lastIndexOf('/') + 1)}-${version}.tgz`;
}

function registryUrl(registry: URL, locked: LockedPackage): URL {
  const path = archivePath(locked)
    .split('/')
    .map((part) => (part.startsWith('@') ? part : encodeURIComponent(part)));
  return new URL(path.join('/'), registry.href.endsWith('/') ? registry : `${registry.href}/`);
}

export function isRegistryUrl(url: URL, locked: LockedPackage): boolean {
  return decoded(url.pathname).endsWith(`/${archivePath(locked)}`);
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function secureUrl(key: string, resolved: string): URL {
  const url = URL.canParse(resolved) ? new URL(resolved) : undefined;
  if (url === undefined) {
    throw new HermeticBuildError('LOCKFILE_INVALID', `Cannot fetch "${key}": its "resolved" is no URL`, {
      hint: 'Write the lock file again with the package manager',
    });
  }
  const local = /^(localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname);
  if (url.protocol === 'https:' || (url.protocol === 'http:' && local)) return url;
  throw new HermeticBuildError('DEPENDENCY_INSECURE', `Cannot fetch "${key}": its "resolved" is not an https URL`, {
    hint: 'Set registry-url, or run "npm install" against an https registry and commit the new lock file',
  });
}

function insidePath(key: string, path: string): string {
  const clean = posix.normalize(path);
  if (!clean.startsWith('/') && clean !== '..' && !clean.startsWith('../') && !clean.includes('\0')) return clean;
  throw new HermeticBuildError(
    'DEPENDENCY_OUTSIDE',
    `Cannot fetch "${key}": its file lies outside of the source tree`,
    {
      hint: 'Move the tarball into the repository, or publish the package',
    },
  );
}
