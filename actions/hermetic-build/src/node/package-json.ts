import { array, object, oneOf, optional, parseJson, record, string, unknown } from '@paved/json';
import { HermeticBuildError } from '../error.js';
import { bins, lenient } from '../lockfile/bin-field.js';
import { type LockEntry, licenceField } from '../lockfile/entry.js';

const ranges = optional(record(string));
const patterns = array(string);
const manifest = object({
  name: optional(string),
  version: optional(string),
  license: licenceField,
  bin: lenient(bins),
  dependencies: ranges,
  devDependencies: ranges,
  optionalDependencies: ranges,
  peerDependencies: ranges,
  resolutions: optional(record(unknown)),
  workspaces: optional(
    oneOf<readonly string[] | { readonly packages: readonly string[] }>(patterns, object({ packages: patterns })),
  ),
});

/** What package.json asks for, by name to range. */
export interface Wanted {
  readonly manifest: LockEntry;
  readonly runtime: Readonly<Record<string, string>>;
  readonly development: Readonly<Record<string, string>>;
  readonly optional: ReadonlySet<string>;
  readonly peers: Readonly<Record<string, string>>;
  /** Patterns of the folders that are workspaces. */
  readonly workspaces: readonly string[];
  /** yarn's way to set the range of a package of another one. */
  readonly resolutions: Readonly<Record<string, string>>;
}

export function readWanted(text: string, where = 'package.json'): Wanted {
  const { workspaces = [], bin, resolutions = {}, ...entry } = parseJson(`"${where}"`, text, manifest);
  const runtime = { ...entry.dependencies, ...entry.optionalDependencies };
  const development = Object.entries(entry.devDependencies ?? {}).filter(([name]) => !Object.hasOwn(runtime, name));
  const words = Object.entries(resolutions).filter((pair): pair is [string, string] => typeof pair[1] === 'string');
  return {
    manifest: { ...entry, ...(bin === undefined ? {} : { bin }) },
    runtime,
    development: Object.fromEntries(development),
    optional: new Set(Object.keys(entry.optionalDependencies ?? {})),
    peers: entry.peerDependencies ?? {},
    workspaces: 'packages' in workspaces ? workspaces.packages : workspaces,
    resolutions: Object.fromEntries(words),
  };
}

export function outdated(lockfile: string, what: string, where = 'package.json'): HermeticBuildError {
  return new HermeticBuildError(
    'LOCKFILE_OUTDATED',
    `Cannot use ${lockfile}: it does not fit "${where}" ("${what.slice(0, 200)}")`,
    {
      hint: 'Install with the package manager and commit package.json together with the lock file',
    },
  );
}
