import { registryPurl } from '../purl.js';
import {
  fieldsOf,
  get,
  type LockedPackage,
  type Lockfile,
  listOf,
  lockedPackage,
  malformed,
  textOf,
} from './lockfile.js';
import { reach } from './pnpm.js';
import { parseToml, type TomlTable } from './toml.js';

interface Found {
  readonly table: unknown;
  readonly key: string;
  readonly name: string;
  readonly version: string;
}

function packagesOf(what: string, document: TomlTable): readonly Found[] {
  const tables = listOf(get(document, 'package'));
  return tables.map((table) => {
    const [name, version] = [textOf(get(table, 'name')), textOf(get(table, 'version'))];
    if (name === '') throw malformed(what, 'a package has no name');
    const source = get(table, 'source');
    const origin = typeof source === 'string' ? source : JSON.stringify(source ?? '');
    return { table, key: `${name} ${version} ${origin}`, name, version };
  });
}

function versionOf(document: TomlTable): string {
  const version = document.version ?? get(get(document, 'metadata'), 'lock-version');
  return version === undefined ? '' : String(version);
}

/** Cargo.lock, versions 1 to 4. Dependencies are `name`, `name version` or `name version (source)`. */
export function parseCargoLock(text: string): Lockfile {
  const document = parseToml(text);
  const found = packagesOf('cargo', document);
  const find = (wanted: string) => {
    const [name, version] = wanted.split(' ');
    return found.find((item) => item.name === name && (version === undefined || item.version === version))?.key;
  };
  const packages = found.map(({ table, key, name, version }) => {
    const origin = textOf(get(table, 'source'));
    const source = origin === '' ? 'local' : origin.startsWith('git+') ? 'git' : 'registry';
    const purl = source === 'registry' ? registryPurl('cargo', name, version) : undefined;
    const checksum = textOf(get(table, 'checksum'));
    return lockedPackage({
      key,
      ...(purl === undefined ? {} : { purl }),
      ecosystem: 'crates.io',
      name,
      version,
      source,
      integrity: checksum === '' ? [] : [`sha256:${checksum}`],
      requires: listOf(get(table, 'dependencies'))
        .map((item) => find(textOf(item)))
        .filter((item) => item !== undefined),
    });
  });
  return withRoots({ kind: 'cargo', version: versionOf(document), packages, unresolved: [], counts: {} });
}

/** Direct is what a package of the project itself requires; lock files with none of those do not tell. */
function withRoots(lockfile: Lockfile): Lockfile {
  const roots = lockfile.packages.filter(({ source }) => source === 'local');
  if (roots.length === 0) return lockfile;
  const direct = new Set(roots.flatMap(({ requires }) => requires));
  return { ...lockfile, packages: lockfile.packages.map((item) => ({ ...item, direct: direct.has(item.key) })) };
}

function normal(name: string): string {
  return name.toLowerCase().replaceAll(/[-_.]+/g, '-');
}

function hashesOf(files: readonly unknown[]): readonly string[] {
  return files.map((file) => textOf(get(file, 'hash'))).filter((hash) => hash !== '');
}

/** poetry.lock, versions 1 and 2. */
export function parsePoetryLock(text: string): Lockfile {
  const document = parseToml(text);
  const found = packagesOf('poetry', document);
  const keyOf = new Map(found.map(({ name, key }) => [normal(name), key]));
  const older = get(get(document, 'metadata'), 'files');
  const packages = found.map(({ table, key, name, version }): LockedPackage => {
    const type = textOf(get(get(table, 'source'), 'type'));
    const source =
      type === 'git' ? 'git' : type === 'directory' || type === 'file' ? 'local' : type === 'url' ? 'url' : 'registry';
    const purl = source === 'registry' ? registryPurl('pypi', name, version) : undefined;
    const groups = get(table, 'groups');
    const development = groups === undefined ? get(table, 'category') === 'dev' : !listOf(groups).includes('main');
    return lockedPackage({
      key,
      ...(purl === undefined ? {} : { purl }),
      ecosystem: 'PyPI',
      name,
      version,
      source,
      scope: development ? 'development' : 'runtime',
      optional: get(table, 'optional') === true,
      integrity: hashesOf(listOf(get(table, 'files') ?? get(older, name))),
      requires: Object.keys(fieldsOf(get(table, 'dependencies')))
        .map((item) => keyOf.get(normal(item)))
        .filter((item) => item !== undefined),
    });
  });
  return { kind: 'poetry', version: versionOf(document), packages, unresolved: [], counts: {} };
}

/** uv.lock; packages of the project (`virtual`, `editable`, `directory`) are the roots. */
export function parseUvLock(text: string): Lockfile {
  const document = parseToml(text);
  const found = packagesOf('uv', document);
  const keyOf = new Map(found.map(({ name, key }) => [normal(name), key]));
  const keys = (value: unknown) =>
    listOf(value)
      .map((item) => keyOf.get(normal(textOf(get(item, 'name')))))
      .filter((key) => key !== undefined);
  const groups = (table: unknown, kind: string) => Object.values(fieldsOf(get(table, kind))).flatMap(keys);
  const runtimeEdges = (table: unknown) => [
    ...keys(get(table, 'dependencies')),
    ...groups(table, 'optional-dependencies'),
  ];
  const isRoot = (table: unknown) =>
    ['virtual', 'editable', 'directory', 'path'].some((kind) => get(get(table, 'source'), kind) !== undefined);
  const roots = found.filter(({ table }) => isRoot(table));
  const requires = new Map(found.map(({ key, table }) => [key, runtimeEdges(table)]));
  const runtime = reach(
    roots.map(({ key }) => key),
    requires,
  );
  const packages = found.map(({ table, key, name, version }): LockedPackage => {
    const origin = get(table, 'source');
    const source = isRoot(table)
      ? 'local'
      : get(origin, 'git') !== undefined
        ? 'git'
        : get(origin, 'url') !== undefined
          ? 'url'
          : 'registry';
    const purl = source === 'registry' ? registryPurl('pypi', name, version) : undefined;
    const files = [get(table, 'sdist'), ...listOf(get(table, 'wheels'))].filter((file) => file !== undefined);
    return lockedPackage({
      key,
      ...(purl === undefined ? {} : { purl }),
      ecosystem: 'PyPI',
      name,
      version,
      source,
      scope: roots.length === 0 || runtime.has(key) ? 'runtime' : 'development',
      integrity: hashesOf(files),
      requires: [...runtimeEdges(table), ...(source === 'local' ? groups(table, 'dev-dependencies') : [])],
    });
  });
  return withRoots({ kind: 'uv', version: versionOf(document), packages, unresolved: [], counts: {} });
}
