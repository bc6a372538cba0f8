import { type LockedPackage, parseLockfile } from '@paved/bom/lockfiles';
import { HermeticBuildError } from '../error.js';

export interface LockedCrate {
  readonly name: string;
  readonly version: string;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly direct: boolean;
  readonly requires: readonly { readonly name: string; readonly version: string }[];
}

export interface CargoLock {
  readonly crates: readonly LockedCrate[];
  /** Packages of the source itself. */
  readonly own: readonly { readonly name: string; readonly version: string }[];
}

const NAME = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
const VERSION = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/;
/** The names that Cargo.lock has for the public registry: the git index of old, and the sparse one. */
const PUBLIC =
  /^(?:registry\+https:\/\/github\.com\/rust-lang\/crates\.io-index|sparse\+https:\/\/index\.crates\.io\/)$/;

/**
 * Every crate of Cargo.lock, those for other platforms included: cargo wants all of them to be there.
 * @throws {HermeticBuildError} `GIT_DEPENDENCY`, `INTEGRITY_MISSING`, `LOCKFILE_INVALID`, `REGISTRY_UNKNOWN` for another registry
 */
export function readCargoLock(text: string): CargoLock {
  const { packages } = parseLockfile('cargo', text);
  const byKey = new Map(packages.map((item) => [item.key, item]));
  const own = packages.filter(({ source }) => source === 'local').map(({ name, version }) => ({ name, version }));
  const crates = packages.filter(({ source }) => source !== 'local').map((item) => crateOf(item, byKey));
  return { crates, own };
}

function crateOf(item: LockedPackage, byKey: ReadonlyMap<string, LockedPackage>): LockedCrate {
  const label = `${item.name}@${item.version}`.slice(0, 200);
  if (item.source === 'git') {
    throw new HermeticBuildError('GIT_DEPENDENCY', `Cannot fetch "${label}": it comes from a git repository`, {
      hint: 'Depend on a published version, or commit the crate and depend on its path',
    });
  }
  if (!NAME.test(item.name) || !VERSION.test(item.version))
    throw invalid(label, 'it is not a crate name with a version');
  const origin = item.key.split(' ').slice(2).join(' ');
  if (!PUBLIC.test(origin)) {
    throw new HermeticBuildError('REGISTRY_UNKNOWN', `Cannot fetch "${label}": it comes from another registry`, {
      hint: 'Private registries need a mirror without credentials that serves the crates of both: this job has no secrets',
    });
  }
  const [checksum] = item.integrity;
  if (checksum === undefined) {
    throw new HermeticBuildError('INTEGRITY_MISSING', `Cannot fetch "${label}": its lock file entry has no checksum`, {
      hint: 'Run "cargo generate-lockfile" with a current cargo and commit Cargo.lock',
    });
  }
  const sha256 = /^sha256:([0-9a-f]{64})$/.exec(checksum)?.[1];
  if (sha256 === undefined) throw invalid(label, 'its checksum is malformed');
  const requires = item.requires.flatMap((key) => {
    const found = byKey.get(key);
    return found === undefined || found.source === 'local' ? [] : [{ name: found.name, version: found.version }];
  });
  return { name: item.name, version: item.version, sha256, direct: item.direct === true, requires };
}

function invalid(label: string, state: string): HermeticBuildError {
  return new HermeticBuildError('LOCKFILE_INVALID', `Cannot use "${label}": ${state}`, {
    hint: 'Run "cargo generate-lockfile" and commit Cargo.lock',
  });
}
