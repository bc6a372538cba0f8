import { GateError } from './error.js';

interface GoVersion {
  readonly numbers: readonly [string, string, string];
  readonly prerelease: readonly string[];
}

const MODULE = /^(\d{1,40})(?:\.(\d{1,40}))?(?:\.(\d{1,40}))?(?:-([0-9A-Za-z.-]{1,200}))?(?:\+[0-9A-Za-z.-]{1,200})?$/;
/** Names of Go releases before they are final, as in go1.21rc2 (go.dev/doc/toolchain, "Go versions"). */
const RELEASE = /^(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?(rc|beta|alpha)(\d{1,9})$/;
const NUMERIC = /^\d+$/;

function parse(text: string): GoVersion {
  // Toolchains write "go1.21.3", and may add the distribution after a blank.
  const bare = text
    .trim()
    .replace(/^(?:v|go)/, '')
    .replace(/ .*$/, '');
  const release = RELEASE.exec(bare);
  if (release !== null) {
    const [, major = '', minor = '', patch = '0', kind = '', number = ''] = release;
    return { numbers: [major, minor, patch], prerelease: [kind, number] };
  }
  const match = MODULE.exec(bare);
  if (match === null) {
    throw new GateError('VERSION_INVALID', `Cannot order Go version "${text.slice(0, 100)}": it is not a version`);
  }
  const [, major = '', minor = '0', patch = '0', prerelease] = match;
  return { numbers: [major, minor, patch], prerelease: prerelease?.split('.') ?? [] };
}

/** Decimal texts of any length: a pseudo-version's time, or a hostile number, must not lose digits. */
function compareNumbers(a: string, b: string): number {
  const [left, right] = [a.replace(/^0+(?=\d)/, ''), b.replace(/^0+(?=\d)/, '')];
  if (left.length !== right.length) return left.length - right.length;
  return left === right ? 0 : left < right ? -1 : 1;
}

function compareIdentifiers(a: string, b: string): number {
  const [numericA, numericB] = [NUMERIC.test(a), NUMERIC.test(b)];
  if (numericA && numericB) return compareNumbers(a, b);
  if (numericA !== numericB) return numericA ? -1 : 1;
  return a === b ? 0 : a < b ? -1 : 1;
}

/** Semantic Versioning 2.0.0 section 11.4: a release comes after its pre-releases, fewer identifiers before more. */
function comparePrereleases(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return b.length - a.length;
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    const order = compareIdentifiers(a[index] ?? '', b[index] ?? '');
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/**
 * The order of the Go command (golang.org/ref/mod, "Versions"): semantic versions with or without `v`, short forms filled with
 * zeros, pseudo-versions as the pre-releases that they are, `+incompatible` and other build metadata without weight; Go
 * releases (`go1.21rc2`) as semantic versions.
 * @throws {GateError} `VERSION_INVALID`
 */
export function compareGoVersions(a: string, b: string): number {
  const [left, right] = [parse(a), parse(b)];
  for (const index of [0, 1, 2] as const) {
    const order = compareNumbers(left.numbers[index], right.numbers[index]);
    if (order !== 0) return order;
  }
  return comparePrereleases(left.prerelease, right.prerelease);
}
