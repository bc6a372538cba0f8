import { registryPurl } from '../purl.js';
import { fieldsOf, get, type LockedPackage, type Lockfile, lockedPackage, malformed, textOf } from './lockfile.js';

const MODULES = 'node_modules/';
const MAX_DEPTH = 200;

export function parseJsonLock(what: string, text: string): Readonly<Record<string, unknown>> {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw malformed(what, 'it is not JSON', cause);
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw malformed(what, 'it is not a JSON object');
  }
  return document as Readonly<Record<string, unknown>>;
}

/** package-lock.json and npm-shrinkwrap.json, lockfileVersion 1 to 3; the `packages` tree wins where both are there, as in npm. */
export function parseNpmLock(text: string): Lockfile {
  const document = parseJsonLock('npm', text);
  const version = document.lockfileVersion;
  if (version !== 1 && version !== 2 && version !== 3) throw malformed('npm', 'its lockfileVersion is not 1, 2 or 3');
  const root = textOf(document.name);
  const common = { kind: 'npm' as const, version: String(version), ...(root === '' ? {} : { root }), unresolved: [] };
  const packages = get(document, 'packages');
  if (version === 1 || packages === undefined) {
    const found = versionOne(document.dependencies, '', 0);
    return { ...common, packages: found, counts: {} };
  }
  return { ...common, ...fromTree(fieldsOf(packages)) };
}

function sourceOf(resolved: string, version: string): LockedPackage['source'] {
  const text = resolved === '' ? version : resolved;
  if (/^git(?:\+|:)|^github:/.test(text)) return 'git';
  if (/^file:/.test(text)) return 'local';
  // Whether the host is the registry is for the fetch phase to judge; the name is the registry's own then.
  return 'registry';
}

function entry(key: string, name: string, value: unknown, more: Partial<LockedPackage>): LockedPackage {
  const version = textOf(get(value, 'version'));
  const source = more.source ?? sourceOf(textOf(get(value, 'resolved')), version);
  const purl = source === 'registry' ? registryPurl('npm', name, version) : undefined;
  const integrity = textOf(get(value, 'integrity'));
  return lockedPackage({
    key,
    ...(purl === undefined ? {} : { purl }),
    ecosystem: 'npm',
    name,
    version,
    scope: get(value, 'dev') === true || get(value, 'devOptional') === true ? 'development' : 'runtime',
    optional: get(value, 'optional') === true,
    bundled: get(value, 'inBundle') === true || get(value, 'bundled') === true,
    integrity: integrity.split(/\s+/).filter((part) => part !== ''),
    ...more,
    source,
  });
}

function versionOne(value: unknown, prefix: string, depth: number): readonly LockedPackage[] {
  if (depth > MAX_DEPTH) throw malformed('npm', `it is nested deeper than ${MAX_DEPTH} levels`);
  return Object.entries(fieldsOf(value)).flatMap(([name, item]) => {
    const key = `${prefix}${MODULES}${name}`;
    return [entry(key, name, item, {}), ...versionOne(get(item, 'dependencies'), `${key}/`, depth + 1)];
  });
}

function fromTree(tree: Readonly<Record<string, unknown>>): Pick<Lockfile, 'packages' | 'counts'> {
  const keys = Object.keys(tree).filter((key) => key !== '');
  const links = keys.filter((key) => get(tree[key], 'link') === true);
  const own = keys.filter((key) => get(tree[key], 'link') !== true);
  const roots = ['', ...own.filter((key) => !key.includes(MODULES))];
  const direct = new Set(roots.flatMap((root) => requiresOf(tree, root, true)));
  const packages = own.map((key) => {
    const local = !key.includes(MODULES);
    const name = textOf(get(tree[key], 'name')) || (local ? key : key.slice(key.lastIndexOf(MODULES) + MODULES.length));
    return entry(key, name, tree[key], {
      requires: requiresOf(tree, key, false),
      direct: direct.has(key),
      ...(local ? { source: 'local' as const } : {}),
    });
  });
  return { packages, counts: { links: links.length, workspaces: own.length - own.filter(isModule).length } };
}

function isModule(key: string): boolean {
  return key.includes(MODULES);
}

/** Node's own lookup: the closest node_modules on the way up. */
function requiresOf(tree: Readonly<Record<string, unknown>>, key: string, root: boolean): readonly string[] {
  const kinds = ['dependencies', 'optionalDependencies', 'peerDependencies', ...(root ? ['devDependencies'] : [])];
  const names = new Set(kinds.flatMap((kind) => Object.keys(fieldsOf(get(tree[key], kind)))));
  return [...names].map((name) => lookUp(tree, key, name)).filter((found) => found !== undefined);
}

function lookUp(tree: Readonly<Record<string, unknown>>, from: string, name: string): string | undefined {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/')))) {
    const key = folder === '' ? `${MODULES}${name}` : `${folder}/${MODULES}${name}`;
    if (Object.hasOwn(tree, key)) {
      const target = get(tree[key], 'link') === true ? textOf(get(tree[key], 'resolved')) : key;
      return Object.hasOwn(tree, target) ? target : undefined;
    }
    if (folder === '') return undefined;
  }
}
