import { HermeticBuildError } from '../error.js';
import type { LockedPackage, Lockfile } from '../lockfile/lockfile.js';
import type { GraphPackage, PackageGraph } from './package-graph.js';

interface Place {
  readonly key: string;
  readonly parent: Place | undefined;
  readonly id: string;
  readonly children: Map<string, Place>;
}

const MAX_PACKAGES = 50_000;
const NAME = /^(?:@[a-z0-9-~][a-z0-9-._~]*\/)?[a-z0-9-~_][a-z0-9-._~]*$/i;

/**
 * Gives every package a folder by Node's own rule of look-up: at the top where its name is free, else right below who requires
 * it. The result is the tree that npm's lock file would have, so that one installer serves all.
 * @throws {HermeticBuildError} `LOCKFILE_INVALID`
 */
export function placePackages(graph: PackageGraph): Lockfile {
  const root: Place = { key: '', parent: undefined, id: '', children: new Map() };
  const queue: Place[] = [];
  const place = (parent: Place, name: string, id: string) => {
    if (!NAME.test(name) || name.length > 214) throw invalid(`"${name.slice(0, 100)}" is no package name`);
    const seen = lookUp(parent, name);
    if (seen?.id === id) return;
    const holder = seen === undefined ? root : parent;
    if (holder.children.has(name)) throw invalid(`"${name}" is required twice by "${holder.key}"`);
    const key = `${holder.key === '' ? '' : `${holder.key}/`}node_modules/${name}`;
    const made: Place = { key, parent: holder, id, children: new Map() };
    holder.children.set(name, made);
    if (queue.push(made) > MAX_PACKAGES) throw invalid(`it has more than ${MAX_PACKAGES} packages`);
  };
  for (const [name, id] of [...graph.runtime, ...graph.development]) place(root, name, id);
  // Whoever was placed first gets its packages first, all of them before anything below is looked at.
  for (const current of queue) {
    for (const [name, id] of packageOf(graph, current.id).requires) place(current, name, id);
  }
  const runtime = reached(graph);
  const packages = queue.map(
    (item) => [item.key, lockedPackage(item.key, packageOf(graph, item.id), runtime.has(item.id))] as const,
  );
  return { root: graph.root, packages: new Map(packages), links: new Map(), workspaces: new Map() };
}

function lookUp(from: Place, name: string): Place | undefined {
  for (let place: Place | undefined = from; place !== undefined; place = place.parent) {
    const found = place.children.get(name);
    if (found !== undefined) return found;
  }
  return undefined;
}

function packageOf(graph: PackageGraph, id: string): GraphPackage {
  const found = graph.packages.get(id);
  if (found === undefined) throw invalid(`"${id.slice(0, 200)}" is required, and not in it`);
  return found;
}

function reached(graph: PackageGraph): ReadonlySet<string> {
  const seen = new Set<string>();
  const queue = [...graph.runtime.values()];
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    if (seen.has(id)) continue;
    seen.add(id);
    queue.push(...packageOf(graph, id).requires.values());
  }
  return seen;
}

function lockedPackage(key: string, { name, version, entry, requires }: GraphPackage, runtime: boolean): LockedPackage {
  const dependencies = Object.fromEntries([...requires.keys()].map((required) => [required, '*']));
  return {
    key,
    name,
    version,
    entry: { ...entry, ...(runtime ? {} : { dev: true }), optionalDependencies: dependencies },
  };
}

export function invalid(state: string): HermeticBuildError {
  return new HermeticBuildError('LOCKFILE_INVALID', `Cannot use the lock file: ${state}`, {
    hint: 'Write the lock file again with the package manager and commit it',
  });
}
