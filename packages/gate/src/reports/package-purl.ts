import { canonicalPurl, packageIdOf } from '@paved/bom';

/** What scanners call a kind of package, and its purl type (purl-spec, "types"). */
const TYPES: Readonly<Record<string, string>> = {
  alma: 'rpm',
  almalinux: 'rpm',
  alpine: 'apk',
  amazon: 'rpm',
  apk: 'apk',
  bundler: 'gem',
  cargo: 'cargo',
  cbl: 'rpm',
  centos: 'rpm',
  chainguard: 'apk',
  cocoapods: 'cocoapods',
  composer: 'composer',
  'composer-vendor': 'composer',
  'conda-pkg': 'conda',
  conan: 'conan',
  dart: 'pub',
  deb: 'deb',
  debian: 'deb',
  dotnet: 'nuget',
  'dotnet-core': 'nuget',
  fedora: 'rpm',
  gem: 'gem',
  gemspec: 'gem',
  'go-module': 'golang',
  gobinary: 'golang',
  gomod: 'golang',
  gradle: 'maven',
  hex: 'hex',
  jar: 'maven',
  java: 'maven',
  'java-archive': 'maven',
  'jenkins-plugin': 'maven',
  npm: 'npm',
  'node-pkg': 'npm',
  nuget: 'nuget',
  oracle: 'rpm',
  'packages-props': 'nuget',
  photon: 'rpm',
  'php-composer': 'composer',
  pip: 'pypi',
  pipenv: 'pypi',
  pnpm: 'npm',
  poetry: 'pypi',
  pom: 'maven',
  pub: 'pub',
  python: 'pypi',
  'python-pkg': 'pypi',
  redhat: 'rpm',
  rocky: 'rpm',
  rpm: 'rpm',
  rust: 'cargo',
  rustbinary: 'cargo',
  'rust-crate': 'cargo',
  sbt: 'maven',
  swift: 'swift',
  'swift-package': 'swift',
  ubuntu: 'deb',
  uv: 'pypi',
  wolfi: 'apk',
  yarn: 'npm',
};

export interface NamedPackage {
  readonly purl: string;
  readonly ecosystem: string;
  /** The purl was made up from type and name. */
  readonly inferred?: true;
}

const MAX_KNOWN = 100_000;
const known = new Map<string, NamedPackage>();

/**
 * The canonical purl that a report names, or one built from what it says instead. A malformed one must not hide the finding.
 * Packages recur from match to match, and parsing a purl is dear: results are kept.
 */
export function namedPackage(purl: string, type: string, name: string, version: string): NamedPackage {
  const key = purl === '' ? `${type}\0${name}\0${version}` : purl;
  const found = known.get(key);
  if (found !== undefined) return found;
  const result = resolve(purl, type, name, version);
  // What a malformed purl came to depends on the names beside it.
  if (purl !== '' && result.inferred) return result;
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(key, result);
  return result;
}

function resolve(purl: string, type: string, givenName: string, givenVersion: string): NamedPackage {
  // Half a character has no encoding.
  const [name, version] = [givenName.toWellFormed(), givenVersion.toWellFormed()];
  try {
    if (purl !== '') return { purl: canonicalPurl(purl), ecosystem: packageIdOf(purl).ecosystem };
  } catch {
    // Falls through to what can be built.
  }
  const lower = type.toLowerCase();
  const purlType = (Object.hasOwn(TYPES, lower) ? TYPES[lower] : undefined) ?? 'generic';
  for (const candidate of [purlType, 'generic']) {
    try {
      const built = canonicalPurl(
        `pkg:${candidate}/${path(candidate, name)}${version === '' ? '' : `@${encodeURIComponent(version)}`}`,
      );
      return { purl: built, ecosystem: packageIdOf(built).ecosystem, inferred: true };
    } catch {
      // A name that its type forbids.
    }
  }
  return { purl: 'pkg:generic/unnamed', ecosystem: 'purl:generic', inferred: true };
}

function path(type: string, name: string): string {
  const parts = type === 'maven' ? name.split(/[/:]/) : type === 'generic' ? [name] : name.split('/');
  return parts.map(encodeURIComponent).join('/');
}
