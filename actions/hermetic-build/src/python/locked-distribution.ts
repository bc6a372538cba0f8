import { type LockedPackage, type LockfileKind, parseLockfile, parseToml } from '@paved/bom/lockfiles';
import { HermeticBuildError } from '../error.js';
import { markerHolds } from './marker.js';
import { uvSelection } from './uv-selection.js';
import { normalName } from './wheel.js';

/** A distribution that the lock file fixes, with the digests of all its files. */
export interface LockedDistribution {
  readonly name: string;
  readonly version: string;
  /** Lower-case hex. */
  readonly sha256: readonly string[];
  readonly direct: boolean;
  readonly scope: 'runtime' | 'development';
  /** Normalised names. */
  readonly requires: readonly string[];
}

type Environment = Readonly<Record<string, string>>;

/**
 * What the lock file installs for an interpreter with these markers.
 * @throws {HermeticBuildError} `INTEGRITY_MISSING`, `INTEGRITY_WEAK`, `GIT_DEPENDENCY`, `LOCKFILE_INVALID`
 */
export function lockedDistributions(
  kind: LockfileKind,
  text: string,
  environment: Environment,
): readonly LockedDistribution[] {
  const { packages, unresolved } = parseLockfile(kind, text);
  const [first] = unresolved;
  if (first !== undefined) throw unpinned(first);
  const byKey = new Map(packages.map((item) => [item.key, normalName(item.name)]));
  const wanted = wantedBy(kind, text, environment);
  const chosen = packages.filter((item) => item.source !== 'local' && wanted(item));
  assertOneVersion(chosen);
  return chosen.map((item) => ({
    name: normalName(item.name),
    version: item.version,
    sha256: sha256Of(item),
    // A requirements file does not tell what came through something else.
    direct: item.direct ?? true,
    scope: item.scope,
    requires: item.requires.flatMap((key) => byKey.get(key) ?? []),
  }));
}

function wantedBy(kind: LockfileKind, text: string, environment: Environment): (item: LockedPackage) => boolean {
  if (kind === 'uv') {
    const selected = uvSelection(text, environment);
    return (item) => selected.has(`${normalName(item.name)} ${item.version}`);
  }
  const markers = kind === 'poetry' ? poetryMarkers(text) : requirementMarkers(text);
  return (item) => {
    // Poetry's optional packages are there for extras alone.
    if (kind === 'poetry' && item.optional) return false;
    const marker = markers.get(`${normalName(item.name)} ${item.version}`);
    return marker === undefined || markerHolds(marker, environment);
  };
}

function requirementMarkers(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const line of text.replaceAll(/\\\r?\n/g, ' ').split(/\r?\n/)) {
    const match = /^\s*([A-Za-z0-9._-]+)\s*(?:\[[^\]]*\])?\s*={2,3}\s*([^\s;]+)\s*;(.*?)(?:\s--hash|\s#|$)/.exec(line);
    if (match !== null) found.set(`${normalName(match[1] ?? '')} ${match[2]}`, (match[3] ?? '').trim());
  }
  return found;
}

/** `markers` of poetry.lock 2: a text, or one text per group, of which any counts. */
function poetryMarkers(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const packages = parseToml(text).package;
  for (const item of Array.isArray(packages) ? packages : []) {
    if (typeof item !== 'object' || Array.isArray(item)) continue;
    const { name, version, markers } = item;
    if (typeof name !== 'string' || typeof version !== 'string' || markers === undefined) continue;
    const texts = typeof markers === 'object' ? Object.values(markers) : [markers];
    const marker = texts
      .filter((one) => typeof one === 'string')
      .map((one) => `(${one})`)
      .join(' or ');
    if (marker !== '') found.set(`${normalName(name)} ${version}`, marker);
  }
  return found;
}

function sha256Of(item: LockedPackage): readonly string[] {
  const label = `${item.name}@${item.version}`;
  if (item.source !== 'registry') {
    const state = item.source === 'git' ? 'it comes from a git repository' : 'it does not come from an index';
    throw new HermeticBuildError('GIT_DEPENDENCY', `Cannot fetch "${label}": ${state}`, {
      hint: 'Depend on a published version',
    });
  }
  if (item.integrity.length === 0) {
    throw new HermeticBuildError('INTEGRITY_MISSING', `Cannot fetch "${label}": its lock file entry has no hash`, {
      hint: 'Write hashes: "pip-compile --generate-hashes", "uv export --format requirements-txt", or "poetry lock"',
    });
  }
  const hashes = item.integrity.flatMap((hash) => /^sha256:([0-9a-f]{64})$/.exec(hash)?.[1] ?? []);
  if (hashes.length > 0) return hashes;
  throw new HermeticBuildError('INTEGRITY_WEAK', `Cannot fetch "${label}": its lock file entry has no sha256`, {
    hint: 'Write the lock file again; indexes state sha256 for every file',
  });
}

function assertOneVersion(items: readonly LockedPackage[]): void {
  const seen = new Map<string, string>();
  for (const { name, version } of items) {
    const known = seen.get(normalName(name));
    if (known !== undefined) {
      throw new HermeticBuildError(
        'LOCKFILE_INVALID',
        `Cannot install "${name}": it is locked as ${known} and ${version}`,
        {
          hint: 'Only one version can be installed for one interpreter; write the lock file again',
        },
      );
    }
    seen.set(normalName(name), version);
  }
}

function unpinned(line: string): HermeticBuildError {
  return new HermeticBuildError('INTEGRITY_MISSING', `Cannot fetch "${line.slice(0, 120)}": it pins no version`, {
    hint: 'Name a compiled file without -r, -e and ranges: "pip-compile --generate-hashes" writes one',
  });
}
