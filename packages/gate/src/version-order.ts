import semver from 'semver';
import { GateError } from './error.js';
import { compareGoVersions } from './go-version.js';
import { compareMavenVersions } from './maven-version.js';
import { comparePythonVersions } from './pep440.js';

/** Negative, zero or positive; throws {@link GateError} `VERSION_INVALID` for what has no place in the order. */
export type CompareVersions = (a: string, b: string) => number;

function parseNpm(text: string): semver.SemVer {
  const version = semver.parse(text.trim().replace(/^[v=]+/, ''), { loose: true });
  if (version !== null) return version;
  throw new GateError('VERSION_INVALID', `Cannot order npm version "${text.slice(0, 100)}": it is not a version`);
}

function compareNpmVersions(a: string, b: string): number {
  return semver.compare(parseNpm(a), parseNpm(b));
}

/** Cargo takes semantic versions and nothing else; its order also looks at build metadata, which no range of a record does. */
function compareCrateVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => {
    const version = semver.parse(text.trim());
    if (version !== null) return version;
    throw new GateError('VERSION_INVALID', `Cannot order crate version "${text.slice(0, 100)}": it is not a version`);
  }) as [semver.SemVer, semver.SemVer];
  return semver.compare(left, right);
}

const ORDERS: Readonly<Record<string, CompareVersions>> = {
  npm: compareNpmVersions,
  Go: compareGoVersions,
  PyPI: comparePythonVersions,
  'crates.io': compareCrateVersions,
  Maven: compareMavenVersions,
};

/** The order of an ecosystem's versions; `undefined` for an ecosystem that this gate cannot judge, which is then not checked. */
export function versionOrder(ecosystem: string): CompareVersions | undefined {
  return Object.hasOwn(ORDERS, ecosystem) ? ORDERS[ecosystem] : undefined;
}
