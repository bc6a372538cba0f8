import { PackageURL } from 'packageurl-js';
import { BomError } from './error.js';

/** Ecosystem names as the OSV schema spells them, of what paved can fetch; OSV knows neither `purl:generic`, a plain file, nor `purl:oci`, an image. */
export type Ecosystem = 'npm' | 'Go' | 'PyPI' | 'crates.io' | 'Maven' | 'purl:generic' | 'purl:oci';

/**
 * One package, perhaps of one version; `name` is the ecosystem's own full name (`@scope/name`, module path). A Go module path
 * that came out of a purl may have lost its capitals.
 */
export interface PackageId {
  readonly ecosystem: string;
  readonly name: string;
  readonly version?: string;
}

const MAX_LENGTH = 2048;

/** purl types and the OSV ecosystem they stand for (OSV schema 1.7, "affected[].package"; purl-spec, "types"). */
const ECOSYSTEM_OF_TYPE: Readonly<Record<string, string>> = {
  cargo: 'crates.io',
  composer: 'Packagist',
  gem: 'RubyGems',
  golang: 'Go',
  hex: 'Hex',
  maven: 'Maven',
  npm: 'npm',
  nuget: 'NuGet',
  pub: 'Pub',
  pypi: 'PyPI',
};

/**
 * What is canonical already: plain npm and cargo names of lower-case letters, with a plain version. Most of what scanners report, and
 * the library takes microseconds for each of the hundred thousand.
 */
const PLAIN = /^(pkg:(npm|cargo)\/([a-z0-9][a-z0-9._-]*))@([0-9A-Za-z][0-9A-Za-z.-]*)$/;

function parse(text: string): PackageURL {
  if (text.length > MAX_LENGTH) {
    throw new BomError('PURL_INVALID', `Cannot parse a package URL: it has ${text.length} characters`, {
      hint: 'Give a package URL such as pkg:npm/lodash@4.17.21',
    });
  }
  try {
    return PackageURL.fromString(text);
  } catch (cause) {
    throw new BomError('PURL_INVALID', `Cannot parse package URL "${text.slice(0, 200)}": it is malformed`, {
      cause,
      hint: 'Write it as pkg:<type>/<namespace>/<name>@<version>',
    });
  }
}

/** purl-spec 1.0: Go module paths are lower case, and `+` (of `+incompatible`) is percent-encoded; the library does neither. */
function format(purl: PackageURL, version: string | undefined): string {
  const fold = (part: string | null | undefined) => (purl.type === 'golang' ? part?.toLowerCase() : part);
  const { type, namespace, name, qualifiers, subpath } = purl;
  const full = version === undefined ? [undefined, undefined] : [qualifiers, subpath];
  const [keptQualifiers, keptSubpath] = full as [typeof qualifiers, typeof subpath];
  return new PackageURL(type, fold(namespace), fold(name) ?? name, version, keptQualifiers, keptSubpath)
    .toString()
    .replaceAll('+', '%2B');
}

/**
 * The one spelling of a purl that paved compares and writes.
 * @throws {BomError} `PURL_INVALID` for anything the purl specification refuses, and for more than 2,048 characters
 */
export function canonicalPurl(text: string): string {
  if (text.length <= MAX_LENGTH && PLAIN.test(text)) return text;
  const purl = parse(text);
  return purl.version ? format(purl, purl.version) : purlWithoutVersion(text);
}

/** For documents of others, where a malformed purl must not hide the component: absent then, so the gate calls it unidentified. */
export function usablePurl(text: string | undefined): string | undefined {
  try {
    return text === undefined ? undefined : canonicalPurl(text);
  } catch {
    return undefined;
  }
}

/** The purl without version, qualifiers and subpath: the key under which findings of one package meet. */
export function purlWithoutVersion(text: string): string {
  const plain = text.length <= MAX_LENGTH ? PLAIN.exec(text)?.[1] : undefined;
  if (plain !== undefined) return plain;
  return format(parse(text), undefined);
}

/** Attack: a type such as `constructor`, which every object has. */
function ecosystemOf(type: string): string {
  return (Object.hasOwn(ECOSYSTEM_OF_TYPE, type) ? ECOSYSTEM_OF_TYPE[type] : undefined) ?? `purl:${type}`;
}

/** The OSV ecosystem of a purl's type; a type that OSV does not know comes back as `purl:<type>`, so that it is never mistaken for a known one. */
export function packageIdOf(text: string): PackageId {
  const [, , type, plain, version] = (text.length <= MAX_LENGTH && PLAIN.exec(text)) || [];
  if (type !== undefined && plain !== undefined && version !== undefined)
    return { ecosystem: ecosystemOf(type), name: plain, version };
  const purl = parse(text);
  const separator = purl.type === 'maven' ? ':' : '/';
  const name = purl.namespace ? `${purl.namespace}${separator}${purl.name}` : `${purl.name}`;
  const ecosystem = ecosystemOf(purl.type);
  return purl.version ? { ecosystem, name, version: purl.version } : { ecosystem, name };
}

/** The canonical purl of an npm package or a Go module; the name is split at its last `/`. */
export function purlOf(ecosystem: 'npm' | 'Go', name: string, version: string): string {
  const cut = name.lastIndexOf('/');
  const namespace = cut === -1 ? undefined : name.slice(0, cut);
  const type = ecosystem === 'npm' ? 'npm' : 'golang';
  try {
    return format(new PackageURL(type, namespace, name.slice(cut + 1), version, undefined, undefined), version);
  } catch (cause) {
    const state = 'it is not a package name with a version';
    throw new BomError('PURL_INVALID', `Cannot build a package URL for "${name.slice(0, 200)}": ${state}`, {
      cause,
      hint: 'Write the lock file again with the package manager',
    });
  }
}

/**
 * The canonical purl of a package of a registry, by purl type and the ecosystem's full name (Maven's with `:`); `undefined` for
 * what no purl can name, such as an empty version.
 */
export function registryPurl(type: string, name: string, version: string): string | undefined {
  if (version === '' || name === '' || name.length + version.length > MAX_LENGTH) return undefined;
  const cut = type === 'maven' ? name.indexOf(':') : name.lastIndexOf('/');
  const namespace = cut === -1 ? undefined : name.slice(0, cut);
  try {
    return format(new PackageURL(type, namespace, name.slice(cut + 1), version, undefined, undefined), version);
  } catch {
    return undefined;
  }
}
