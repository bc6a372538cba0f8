import { basename } from 'node:path';
import { HermeticBuildError } from '../error.js';
import type { LockEntry } from '../lockfile/entry.js';
import type { LockedPackage, Lockfile } from '../lockfile/lockfile.js';
import { type GraphPackage, type Importer, linkedFolder, type PackageGraph } from './package-graph.js';

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
  const queue: Place[] = [];
  const links = new Map<string, string>();
  const [project] = graph.importers;
  const root: Place = { key: '', parent: undefined, id: '', children: new Map() };
  const place = (parent: Place, name: string, id: string) => {
    if (!NAME.test(name) || name.length > 214) throw invalid(`"${name.slice(0, 100)}" is no package name`);
    const seen = lookUp(parent, name);
    if (seen?.id === id) return;
    const holder = seen === undefined ? root : parent;
    if (holder.children.has(name)) throw invalid(`"${name}" is required twice by "${holder.key}"`);
    const key = `${holder.key === '' ? '' : `${holder.key}/`}node_modules/${name}`;
    const made: Place = { key, parent: holder, id, children: new Map() };
    holder.children.set(name, made);
    const folder = linkedFolder(id);
    if (folder !== undefined) links.set(key, folder);
    else if (queue.push(made) > MAX_PACKAGES) throw invalid(`it has more than ${MAX_PACKAGES} packages`);
  };
  for (const [importer, at] of importerPlaces(graph.importers, root)) {
    for (const [name, id] of [...importer.runtime, ...importer.development]) place(at, name, id);
  }
  // Whoever was placed first gets its packages first, all of them before anything below is looked at.
  for (const current of queue) {
    for (const [name, id] of packageOf(graph, current.id).requires) place(current, name, id);
  }
  const runtime = reached(graph);
  const packages = queue.map(
    (item) => [item.key, lockedPackage(item.key, packageOf(graph, item.id), runtime.has(item.id))] as const,
  );
  const workspaces = graph.importers.flatMap(({ folder, manifest }) =>
    folder === '' ? [] : [[folder, named(folder, manifest)] as const],
  );
  return { root: project.manifest, packages: new Map(packages), links, workspaces: new Map(workspaces) };
}

/** The project first, and each workspace below the nearest one around it: that is the way Node looks up. */
function importerPlaces(importers: readonly Importer[], root: Place): readonly (readonly [Importer, Place])[] {
  const made = new Map([['', root]]);
  return [...importers]
    .sort((a, b) => (a.folder < b.folder ? -1 : 1))
    .map((importer) => {
      const around = [...made.keys()].filter((folder) => importer.folder.startsWith(`${folder}/`)).at(-1) ?? '';
      const parent = importer.folder === '' ? undefined : made.get(around);
      const place = parent === undefined ? root : { key: importer.folder, parent, id: '', children: new Map() };
      made.set(importer.folder, place);
      return [importer, place] as const;
    });
}

function named(folder: string, manifest: LockEntry): LockEntry {
  return { name: basename(folder), ...manifest };
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
  const queue = graph.importers.flatMap(({ runtime }) => [...runtime.values()]);
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    if (seen.has(id) || linkedFolder(id) !== undefined) continue;
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
