import { basename } from 'node:path';
import type { FetchedPackage, FetchManifest } from '@paved/bom';
import { HermeticBuildError } from '../error.js';
import type { LockedPackage, Lockfile } from '../lockfile/lockfile.js';
import { npmPurl } from '../lockfile/purl.js';
import type { Node } from '../lockfile/tree.js';
import { carrierOf, type FetchedArchive } from './bundle.js';
import { type Origin, originOf } from './package-origin.js';

/**
 * Entries of the fetch manifest, one per name and version, with every place where it is installed.
 * A package that comes inside another one's archive has that archive's digests, because those are the bytes that were checked.
 * @throws {HermeticBuildError} `LOCKFILE_INVALID` when one name and version has two contents
 */
export function npmPackages(
  nodes: ReadonlyMap<string, Node>,
  archives: ReadonlyMap<string, FetchedArchive>,
  registry: URL | undefined,
): readonly FetchedPackage[] {
  const byPurl = new Map<string, FetchedPackage>();
  const purlOf = purlsOf(nodes, registry);
  for (const node of nodes.values()) {
    const entry = packageOf(node, nodes, archives, purlOf);
    const known = byPurl.get(entry.purl);
    byPurl.set(entry.purl, known === undefined ? entry : merge(known, entry));
  }
  return [...byPurl.values()];
}

export function npmRoot(lockfile: Lockfile, repository: string): FetchManifest['root'] {
  const name = lockfile.root.name ?? basename(repository).toLowerCase();
  const version = lockfile.root.version ?? '0.0.0';
  const licence = lockfile.root.license;
  return { name, version, purl: npmPurl(name, version), ...(licence === undefined ? {} : { licence }) };
}

type PurlOf = (locked: LockedPackage) => string;

/** One purl per name and version: where any place of it comes from elsewhere, all of it does, because they share one archive. */
function purlsOf(nodes: ReadonlyMap<string, Node>, registry: URL | undefined): PurlOf {
  const elsewhere = new Map<string, Origin>();
  for (const { package: locked } of nodes.values()) {
    const origin = locked.entry.inBundle === true ? undefined : originOf(locked, registry);
    const plain = npmPurl(locked.name, locked.version);
    if (origin !== undefined && !elsewhere.has(plain)) elsewhere.set(plain, origin);
  }
  return ({ name, version }) => npmPurl(name, version, elsewhere.get(npmPurl(name, version)));
}

const MAX_NAMED = 20;

/** What the user should know of packages that no registry vouches for. */
export function originNotices(nodes: ReadonlyMap<string, Node>, registry: URL | undefined): readonly string[] {
  const found = [...nodes.values()].flatMap(({ package: locked }) => {
    const origin = locked.entry.inBundle === true ? undefined : originOf(locked, registry);
    return origin === undefined
      ? []
      : [`${locked.name}@${locked.version} (${origin.download_url ?? origin.file_name})`];
  });
  const names = sorted(found);
  if (names.length === 0) return [];
  const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : '';
  return [
    `Not from where the registry has them, so only the lock file says what they are: ${names.slice(0, MAX_NAMED).join(', ')}${more}`,
  ];
}

/** Packages inside archives that the lock file does not list: no list of packages knows of them. */
export function innerNotices(
  nodes: ReadonlyMap<string, Node>,
  archives: ReadonlyMap<string, FetchedArchive>,
): readonly string[] {
  const found = [...nodes.values()].flatMap(({ package: { key, name, version, entry } }) =>
    entry.inBundle === true
      ? []
      : (archives.get(key)?.inner ?? [])
          .filter(({ path }) => !nodes.has(`${key}/${path}`))
          .map((inner) => `${inner.name}@${inner.version} in ${name}@${version}`),
  );
  const names = sorted(found);
  if (names.length === 0) return [];
  const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : '';
  return [`Inside other packages, and in no lock file: ${names.slice(0, MAX_NAMED).join(', ')}${more}`];
}

function packageOf(
  node: Node,
  nodes: ReadonlyMap<string, Node>,
  archives: ReadonlyMap<string, FetchedArchive>,
  purlOf: PurlOf,
): FetchedPackage {
  const { name, version, key, entry } = node.package;
  const archive = archives.get(entry.inBundle === true ? carrierOf(key, nodes) : key);
  if (archive === undefined)
    throw new HermeticBuildError('LOCKFILE_INVALID', `Cannot list "${key}": it has no archive`, {
      hint: 'Write the lock file again with the package manager',
    });
  // What a carrier declares is not what the packages inside it declare.
  const licence = entry.license ?? (entry.inBundle === true ? undefined : archive.licence);
  const purls = node.requires.map((required) => nodes.get(required)?.package);
  return {
    purl: purlOf(node.package),
    name,
    version,
    ecosystem: 'npm',
    size: archive.size,
    digests: { sha256: archive.sha256, sha512: archive.sha512 },
    lockDigest: entry.zipChecksum ?? entry.integrity ?? '',
    direct: node.direct,
    scope: entry.dev === true ? 'development' : 'runtime',
    ...(licence === undefined ? {} : { licence }),
    dependencies: sorted(purls.flatMap((found) => (found === undefined ? [] : [purlOf(found)]))),
    locations: [key],
  };
}

function merge(a: FetchedPackage, b: FetchedPackage): FetchedPackage {
  const bundled = a.lockDigest === '' || b.lockDigest === '';
  if (!bundled && a.digests.sha512 !== b.digests.sha512) {
    throw new HermeticBuildError('LOCKFILE_INVALID', `Cannot list "${a.purl}": the lock file has two contents for it`, {
      hint: 'Write the lock file again with the package manager: one version has one content',
    });
  }
  // The archive of its own says more than one that it is only a part of.
  const base = a.lockDigest === '' ? b : a;
  const licence = a.licence ?? b.licence;
  return {
    ...base,
    ...(licence === undefined ? {} : { licence }),
    direct: a.direct || b.direct,
    scope: a.scope === 'runtime' || b.scope === 'runtime' ? 'runtime' : 'development',
    dependencies: sorted([...a.dependencies, ...b.dependencies]),
    locations: sorted([...a.locations, ...b.locations]),
  };
}

function sorted(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)].sort();
}
