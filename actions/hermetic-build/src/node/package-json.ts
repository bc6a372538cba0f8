import { object, optional, parseJson, record, string, unknown } from '@paved/json';
import { HermeticBuildError } from '../error.js';
import { type LockEntry, licenceField } from '../lockfile/entry.js';

const manifest = object({
  name: optional(string),
  version: optional(string),
  license: licenceField,
  dependencies: optional(record(string)),
  devDependencies: optional(record(string)),
  optionalDependencies: optional(record(string)),
  workspaces: optional(unknown),
});

/** What package.json asks for, by name to range. */
export interface Wanted {
  readonly root: LockEntry;
  readonly runtime: Readonly<Record<string, string>>;
  readonly development: Readonly<Record<string, string>>;
}

/** @throws {HermeticBuildError} `LOCKFILE_KIND` for workspaces, whose layout only npm's lock file states */
export function readWanted(text: string): Wanted {
  const { workspaces, ...root } = parseJson('"package.json"', text, manifest);
  if (workspaces !== undefined) {
    throw new HermeticBuildError(
      'LOCKFILE_KIND',
      'Cannot install workspaces: this lock file does not state their folders',
      {
        hint: 'Set source-path to one package with a lock file of its own, or commit package-lock.json',
      },
    );
  }
  const runtime = { ...root.dependencies, ...root.optionalDependencies };
  const isRuntime = (name: string) => Object.hasOwn(runtime, name);
  const development = Object.entries(root.devDependencies ?? {}).filter(([name]) => !isRuntime(name));
  return { root, runtime, development: Object.fromEntries(development) };
}

export function outdated(lockfile: string, what: string): HermeticBuildError {
  return new HermeticBuildError(
    'LOCKFILE_OUTDATED',
    `Cannot use ${lockfile}: it does not fit "package.json" ("${what.slice(0, 200)}")`,
    {
      hint: 'Install with the package manager and commit package.json together with the lock file',
    },
  );
}
