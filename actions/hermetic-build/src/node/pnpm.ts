import { parseYamlLock } from '@paved/bom/lockfiles';
import { array, boolean, object, oneOf, optional, parseJson, record, string, unknown } from '@paved/json';
import { HermeticBuildError } from '../error.js';
import type { GraphPackage, PackageGraph } from './package-graph.js';
import { outdated, readWanted, type Wanted } from './package-json.js';
import { invalid } from './place-packages.js';

const words = optional(array(string));
const locked = object({
  resolution: object({
    integrity: optional(string),
    tarball: optional(string),
    type: optional(string),
    commit: optional(string),
    directory: optional(string),
  }),
  os: words,
  cpu: words,
  libc: words,
});
const edges = optional(record(string));
const snapshot = object({ dependencies: edges, optionalDependencies: edges, optional: optional(boolean) });
const importer = optional(record(object({ specifier: string, version: string })));
const document = object({
  lockfileVersion: oneOf<string | unknown>(string, unknown),
  importers: record(object({ dependencies: importer, devDependencies: importer, optionalDependencies: importer })),
  packages: optional(record(locked)),
  snapshots: optional(record(snapshot)),
  patchedDependencies: optional(unknown),
});

/**
 * pnpm-lock.yaml of version 9, of one package. pnpm's own layout is links into a store; here the packages are laid out as npm does.
 * @throws {HermeticBuildError} `LOCKFILE_VERSION`, `LOCKFILE_KIND`, `LOCKFILE_OUTDATED`, `GIT_DEPENDENCY`, `DEPENDENCY_OUTSIDE`, `LOCKFILE_INVALID`
 */
export function readPnpmLock(text: string, packageJson: string): PackageGraph {
  const raw = parseYamlLock('pnpm', text);
  if (!/^9(\.\d+)?$/.test(String(raw.lockfileVersion))) {
    throw new HermeticBuildError('LOCKFILE_VERSION', 'Cannot read pnpm-lock.yaml: its lockfileVersion is not 9', {
      hint: 'Run "pnpm install" with pnpm 9 or later and commit the result',
    });
  }
  const lock = parseJson('pnpm-lock.yaml', JSON.stringify(raw), document);
  if (lock.patchedDependencies !== undefined) throw unsupported('patches', 'Publish the patched package');
  const { '.': project, ...others } = lock.importers;
  if (project === undefined || Object.keys(others).length > 0) {
    throw unsupported(
      'workspaces',
      'Set source-path to one package with a lock file of its own, or commit package-lock.json',
    );
  }
  const wanted = readWanted(packageJson);
  const own = { ...project.devDependencies, ...project.dependencies, ...project.optionalDependencies };
  assertSame(wanted, own);
  const idsOf = (ranges: Readonly<Record<string, string>>) =>
    new Map(Object.keys(ranges).map((name) => [name, idOf(name, own[name]?.version ?? '')]));
  const packages = new Map(
    Object.entries(lock.snapshots ?? {}).map(([id, item]) => [id, packageOf(id, item, lock.packages ?? {})]),
  );
  return { root: wanted.root, packages, runtime: idsOf(wanted.runtime), development: idsOf(wanted.development) };
}

function assertSame(wanted: Wanted, own: Readonly<Record<string, { readonly specifier: string }>>): void {
  const all = { ...wanted.runtime, ...wanted.development };
  for (const [name, range] of Object.entries(all)) {
    if (!Object.hasOwn(own, name) || own[name]?.specifier !== range)
      throw outdated('pnpm-lock.yaml', `${name} ${range}`);
  }
  const extra = Object.keys(own).find((name) => !Object.hasOwn(all, name));
  if (extra !== undefined) throw outdated('pnpm-lock.yaml', extra);
}

/** A reference is a version, with peers in parentheses, or, for an alias, a whole id; `link:` leads into the tree. */
function idOf(name: string, reference: string): string {
  if (/^(?:link|file|workspace):/.test(reference)) {
    throw new HermeticBuildError(
      'DEPENDENCY_OUTSIDE',
      `Cannot fetch "${name.slice(0, 200)}": it is a folder or a file`,
      {
        hint: 'Publish the package, or commit package-lock.json with a link inside the source',
      },
    );
  }
  return reference.replace(/\(.*$/s, '').indexOf('@', 1) > 0 ? reference : `${name}@${reference}`;
}

function packageOf(
  id: string,
  { dependencies, optionalDependencies, optional: isOptional }: ReturnType<typeof snapshot>,
  packages: Readonly<Record<string, ReturnType<typeof locked>>>,
): GraphPackage {
  const plain = id.replace(/\(.*$/s, '');
  const at = plain.indexOf('@', 1);
  const found = Object.hasOwn(packages, plain) ? packages[plain] : undefined;
  if (found === undefined || at < 1) throw invalid(`"${id.slice(0, 200)}" has no resolution`);
  const { resolution, os, cpu, libc } = found;
  if (resolution.type === 'git' || resolution.commit !== undefined) {
    throw new HermeticBuildError(
      'GIT_DEPENDENCY',
      `Cannot fetch "${plain.slice(0, 200)}": it comes from a git repository`,
      {
        hint: 'Depend on a published version',
      },
    );
  }
  if (resolution.directory !== undefined || resolution.tarball?.startsWith('file:')) idOf(plain, 'file:');
  const requires = Object.entries({ ...dependencies, ...optionalDependencies });
  return {
    name: plain.slice(0, at),
    version: plain.slice(at + 1),
    entry: {
      ...(resolution.integrity === undefined ? {} : { integrity: resolution.integrity }),
      ...(resolution.tarball === undefined ? {} : { resolved: resolution.tarball }),
      ...(os === undefined ? {} : { os }),
      ...(cpu === undefined ? {} : { cpu }),
      ...(libc === undefined ? {} : { libc }),
      ...(isOptional === true ? { optional: true } : {}),
    },
    requires: new Map(requires.map(([name, reference]) => [name, idOf(name, reference)])),
  };
}

function unsupported(what: string, hint: string): HermeticBuildError {
  return new HermeticBuildError('LOCKFILE_KIND', `Cannot use pnpm-lock.yaml: it has ${what}`, { hint });
}
