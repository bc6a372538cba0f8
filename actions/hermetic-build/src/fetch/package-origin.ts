import { sha256 } from '@paved/digest';
import { HermeticBuildError } from '../error.js';
import type { LockedPackage } from '../lockfile/lockfile.js';
import { archivePath, isRegistryUrl } from './package-source.js';

/** Qualifiers of a package URL (purl-spec, "known qualifiers") that say where the bytes come from. */
export type Origin = Readonly<Record<string, string>>;

/**
 * SHA-256 of the origin of npm's own registry, and of the name that yarn has for it. By digest, because paved names no registry: what is
 * compared here can never become an address that something is fetched from.
 */
const PUBLIC: ReadonlySet<string> = new Set([
  'sha256:036b43b16792c643378e95923ed2f4cc78e800de141b764aeea70d47580396df',
  'sha256:eebcf0cdf28f7ab85b2cc0cb42e07b627aa54ce2b60940685c20bf7b78c87382',
]);
/** A package URL has at most 2,048 characters, and each of an address can be three. */
const MAX_ENCODED = 1200;

/**
 * Where a package comes from when that is not the place where a registry has this version; `undefined` when it is.
 * Attack: a pull request leaves name and version of a package in the lock file and changes `resolved` and `integrity`. The archive says
 * itself that it is that package, so advisories, licences and reviewers would be told of the real one.
 * @param registry as the inputs name it
 * @param publicOrigins digests of the origins that every lock file may name
 */
export function originOf(
  locked: LockedPackage,
  registry: URL | undefined,
  publicOrigins: ReadonlySet<string> = PUBLIC,
): Origin | undefined {
  const { resolved } = locked.entry;
  if (resolved === undefined || !URL.canParse(resolved)) return undefined;
  if (resolved.startsWith('file:')) return { file_name: shortened(resolved.slice('file:'.length), 'tarball') };
  const url = new URL(resolved);
  // With a chosen registry whatever lies where one puts it is fetched from there.
  if (registry !== undefined && isRegistryUrl(url, locked)) return undefined;
  if (publicOrigins.has(sha256(url.origin)) && url.pathname === `/${archivePath(locked)}`) return undefined;
  return { download_url: shortened(`${url.origin}${url.pathname}`, url.origin) };
}

function shortened(text: string, otherwise: string): string {
  return encodeURIComponent(text.toWellFormed()).length <= MAX_ENCODED ? text : otherwise;
}

/** What npm takes, of old as well: nothing that an address would have to encode, and no name that begins with a dot. */
const NAME = /^(?:@(?!\.)[\w.!~*'()-]+\/)?(?!\.)[\w.!~*'()-]+$/;
const VERSION = /^[0-9A-Za-z][0-9A-Za-z.+_-]{0,255}$/;

/**
 * Name and version become a path of the registry, which gets the credential, and a package URL.
 * Attack: an alias `../../other-tenant/x`, a version `1.0.0/../../x`, a name with `;` in advice that somebody pastes into a shell.
 * @throws {HermeticBuildError} `LOCKFILE_INVALID`
 */
export function assertNamed({ key, name, version }: LockedPackage): void {
  if (NAME.test(name) && name.length <= 300 && VERSION.test(version)) return;
  const what = JSON.stringify(`${name}@${version}`.slice(0, 200));
  throw new HermeticBuildError('LOCKFILE_INVALID', `Cannot fetch "${key.slice(0, 200)}": ${what} names no package`, {
    hint: 'Write the lock file again with the package manager',
  });
}
