import { parseDocument } from 'yaml';
import { registryPurl } from '../purl.js';
import { fieldsOf, get, type LockedPackage, type Lockfile, lockedPackage, malformed, textOf } from './lockfile.js';

/**
 * Aliases are refused: no package manager writes them, and they are how a small file becomes a large one.
 * @param schema with `failsafe` every scalar is text: yarn leaves ranges such as `1.10` without quotes
 */
export function parseYamlLock(
  what: string,
  text: string,
  schema: 'core' | 'failsafe' = 'core',
): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    const document = parseDocument(text, { schema, uniqueKeys: true, logLevel: 'silent', strict: true });
    if (document.errors.length > 0) throw document.errors[0];
    value = document.toJS({ maxAliasCount: 0 });
  } catch (cause) {
    throw malformed(what, 'it is not YAML', cause);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed(what, 'it is not a mapping');
  return value as Readonly<Record<string, unknown>>;
}

/** `/name@1.0.0(peer@2)`, `/name/1.0.0_peer@2` (version 5) and `name@1.0.0`. */
function nameAndVersion(key: string, value: unknown): readonly [name: string, version: string] {
  const stated = [textOf(get(value, 'name')), textOf(get(value, 'version'))] as const;
  if (stated[0] !== '') return stated;
  const plain = key.replace(/^\//, '').replace(/\(.*$/s, '');
  const at = plain.indexOf('@', 1);
  if (at > 0) return [plain.slice(0, at), stated[1] || plain.slice(at + 1)];
  const slash = plain.lastIndexOf('/');
  return slash === -1 ? [plain, ''] : [plain.slice(0, slash), plain.slice(slash + 1).replace(/_.*$/, '')];
}

function sourceOf(resolution: unknown): LockedPackage['source'] {
  if (get(resolution, 'type') === 'git' || get(resolution, 'commit') !== undefined) return 'git';
  if (get(resolution, 'type') === 'directory') return 'local';
  const tarball = textOf(get(resolution, 'tarball'));
  if (tarball.startsWith('file:')) return 'local';
  if (tarball !== '') return 'url';
  return get(resolution, 'integrity') === undefined ? 'unknown' : 'registry';
}

/** pnpm-lock.yaml, lockfileVersion 5 to 9; peers' variants of one package are one entry. */
export function parsePnpmLock(text: string): Lockfile {
  const document = parseYamlLock('pnpm', text);
  const version = document.lockfileVersion;
  if (typeof version !== 'string' && typeof version !== 'number') throw malformed('pnpm', 'it has no lockfileVersion');
  const snapshots = get(document, 'snapshots');
  const importers = get(document, 'importers') ?? { '.': document };
  const entries = Object.entries(fieldsOf(get(document, 'packages')));
  const named = entries.map(([key, value]) => [key, value, nameAndVersion(key, value)] as const);
  const keyOf = new Map(named.map(([key, , [name, own]]) => [`${name}@${own}`, key]));
  const find = (name: string, wanted: string) =>
    keyOf.get(`${name}@${wanted.replace(/\(.*$/s, '')}`) ?? (keyOf.size > 0 ? byKey(named, wanted) : undefined);
  const runtime = new Set<string>();
  const direct = new Set<string>();
  for (const importer of Object.values(fieldsOf(importers))) {
    for (const kind of ['dependencies', 'optionalDependencies', 'devDependencies']) {
      for (const [name, value] of Object.entries(fieldsOf(get(importer, kind)))) {
        const key = find(name, textOf(get(value, 'version')) || textOf(value));
        if (key === undefined) continue;
        direct.add(key);
        if (kind !== 'devDependencies') runtime.add(key);
      }
    }
  }
  const requires = new Map<string, Set<string>>();
  for (const [key, value] of snapshots === undefined ? entries : Object.entries(fieldsOf(snapshots))) {
    const own = key.replace(/\(.*$/s, '');
    const edges = requires.get(own) ?? new Set<string>();
    for (const kind of ['dependencies', 'optionalDependencies']) {
      for (const [name, wanted] of Object.entries(fieldsOf(get(value, kind)))) {
        const found = find(name, textOf(wanted));
        if (found !== undefined) edges.add(found);
      }
    }
    requires.set(own, edges);
  }
  const reached = reach(runtime, requires);
  const packages = named.map(([key, value, [name, own]]) => {
    const resolution = get(value, 'resolution');
    const source = sourceOf(resolution);
    const purl = source === 'registry' ? registryPurl('npm', name, own) : undefined;
    const integrity = textOf(get(resolution, 'integrity'));
    return lockedPackage({
      key,
      ...(purl === undefined ? {} : { purl }),
      ecosystem: 'npm',
      name,
      version: own,
      source,
      scope: reached.has(key) ? 'runtime' : 'development',
      optional: get(value, 'optional') === true,
      direct: direct.has(key),
      integrity: integrity === '' ? [] : [integrity],
      requires: [...(requires.get(key.replace(/\(.*$/s, '')) ?? [])],
    });
  });
  const counts = {
    importers: Object.keys(fieldsOf(importers)).length,
    ...(snapshots === undefined ? {} : { snapshots: Object.keys(fieldsOf(snapshots)).length }),
  };
  return { kind: 'pnpm', version: String(version), packages, unresolved: [], counts };
}

function byKey(named: readonly (readonly [string, unknown, unknown])[], wanted: string): string | undefined {
  return named.some(([key]) => key === wanted) ? wanted : undefined;
}

export function reach(from: Iterable<string>, requires: ReadonlyMap<string, Iterable<string>>): ReadonlySet<string> {
  const reached = new Set<string>();
  const queue = [...from];
  for (let key = queue.pop(); key !== undefined; key = queue.pop()) {
    if (reached.has(key)) continue;
    reached.add(key);
    queue.push(...(requires.get(key) ?? []));
  }
  return reached;
}
