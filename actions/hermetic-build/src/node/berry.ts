import { parseYamlLock } from '@paved/bom/lockfiles';
import { object, optional, parseJson, record, string } from '@paved/json';
import { HermeticBuildError } from '../error.js';
import type { LockEntry } from '../lockfile/entry.js';
import { assertNotGit } from '../lockfile/lockfile.js';
import { berryPlatform } from './berry-conditions.js';
import { type Locator, parseLocator, rangeWithProtocol } from './berry-locator.js';
import { type GraphPackage, type Importer, linkTo, type PackageGraph } from './package-graph.js';
import { outdated, type Wanted } from './package-json.js';
import { invalid } from './place-packages.js';
import { insideFolder, readWorkspace } from './workspaces.js';

/** Beside yarn.lock: npm's integrity of the packages that yarn locks without a checksum, by `name@version`. */
export const YARN_INTEGRITY = 'yarn.integrity.json';

/** A patch of a patch is rare; one that leads back to itself is an attack. */
const MAX_PATCHES = 20;

const ranges = optional(record(string));
const meta = optional(record(object({ optional: optional(string) })));
const entry = object({
  version: string,
  resolution: string,
  checksum: optional(string),
  conditions: optional(string),
  dependencies: ranges,
  dependenciesMeta: meta,
});
type Entry = ReturnType<typeof entry>;
const document = record(entry);
const integrities = record(string);

interface Item extends Entry {
  readonly locator: Locator;
}

interface Lock {
  readonly items: readonly Item[];
  readonly byDescriptor: ReadonlyMap<string, Item>;
  readonly root: Wanted;
  readonly integrity: Readonly<Record<string, string>>;
  /** Ids of packages that somebody cannot do without. */
  readonly needed: Set<string>;
}

/**
 * yarn.lock of yarn 2 and later. Its checksums are of the zips that yarn makes of the packages; they are checked by making the same
 * zips, without running yarn. yarn locks no checksum for packages of one platform: those need an entry in {@link YARN_INTEGRITY}.
 * @throws {HermeticBuildError} `LOCKFILE_KIND`, `LOCKFILE_OUTDATED`, `INTEGRITY_WEAK`, `GIT_DEPENDENCY`, `DEPENDENCY_OUTSIDE`, `LOCKFILE_INVALID`
 */
export async function readBerryLock(
  text: string,
  sourcePath: string,
  integrityText: string | undefined,
): Promise<PackageGraph> {
  const { __metadata: _, ...raw } = parseYamlLock('yarn', text, 'failsafe');
  const entries = Object.entries(parseJson('yarn.lock', JSON.stringify(raw), document));
  const items = entries.map(([key, item]) => [key, { ...item, locator: parseLocator(item.resolution) }] as const);
  const byDescriptor = new Map(items.flatMap(([key, item]) => key.split(/,\s*/).map((name) => [name, item] as const)));
  const root = await readWorkspace(sourcePath, '');
  if (root === undefined) throw outdated('yarn.lock', 'there is no such file');
  const integrity = integrityText === undefined ? {} : parseJson(YARN_INTEGRITY, integrityText, integrities);
  const lock: Lock = { items: items.map(([, item]) => item), byDescriptor, root, integrity, needed: new Set() };
  const importers: Importer[] = [];
  for (const item of lock.items) {
    const folder = workspaceOf(item);
    if (folder !== undefined) importers.push(await importerOf(folder, item, lock, sourcePath));
  }
  const [project, ...others] = importers.sort((a, b) => (a.folder < b.folder ? -1 : 1));
  if (project === undefined || project.folder !== '') throw invalid('it does not describe the project itself');
  return { importers: [project, ...others], packages: packagesOf(lock) };
}

function workspaceOf({ locator, resolution }: Item): string | undefined {
  if (locator.protocol !== 'workspace:') return undefined;
  return locator.selector === '.' ? '' : insideFolder('', locator.selector, resolution);
}

function packagesOf(lock: Lock): ReadonlyMap<string, GraphPackage> {
  const edges = new Map<Item, ReadonlyMap<string, string>>();
  for (const item of lock.items) {
    if (item.locator.protocol === 'workspace:' || item.locator.protocol === 'link:') continue;
    edges.set(item, requiresOf(item, lock));
  }
  // Only now it is known which packages are needed by somebody.
  return new Map([...edges].map(([item, requires]) => [item.resolution, packageOf(item, requires, lock)]));
}

async function importerOf(folder: string, item: Item, lock: Lock, sourcePath: string): Promise<Importer> {
  const where = folder === '' ? 'package.json' : `${folder}/package.json`;
  const wanted = folder === '' ? lock.root : await readWorkspace(sourcePath, folder);
  if (wanted === undefined) throw outdated('yarn.lock', 'there is no such file', where);
  const locked = item.dependencies ?? {};
  const all = { ...wanted.development, ...wanted.runtime };
  for (const [name, range] of Object.entries(all)) {
    const own = Object.hasOwn(locked, name) ? locked[name] : undefined;
    if (own === undefined || rangeWithProtocol(own) !== rangeWithProtocol(range))
      throw outdated('yarn.lock', `${name} ${range}`, where);
  }
  const extra = Object.keys(locked).find((name) => !Object.hasOwn(all, name));
  if (extra !== undefined) throw outdated('yarn.lock', extra, where);
  const requires = requiresOf(item, lock);
  const idsOf = (names: Readonly<Record<string, string>>) =>
    new Map(Object.keys(names).map((name) => [name, requires.get(name) ?? ''] as const));
  return { folder, manifest: wanted.manifest, runtime: idsOf(wanted.runtime), development: idsOf(wanted.development) };
}

function requiresOf(item: Item, lock: Lock): ReadonlyMap<string, string> {
  const parent = item.locator.name;
  return new Map(
    Object.entries(item.dependencies ?? {}).map(([name, range]) => {
      const found = find(name, resolutionOf(parent, name, range, lock.root.resolutions) ?? range, lock);
      if (found === undefined)
        throw invalid(`"${name.slice(0, 100)}@${range.slice(0, 100)}" is required, and not in it`);
      const optionally = item.dependenciesMeta?.[name]?.optional === 'true';
      if (!optionally) lock.needed.add(found.resolution);
      return [name, idOf(found)] as const;
    }),
  );
}

/** Patches and links are bound to who asks for them; their key then goes on after `::`. */
function find(name: string, range: string, { byDescriptor }: Lock): Item | undefined {
  const descriptor = `${name}@${rangeWithProtocol(range)}`;
  const exact = byDescriptor.get(descriptor) ?? byDescriptor.get(`${name}@${range}`);
  if (exact !== undefined) return exact;
  return [...byDescriptor].find(([key]) => key.startsWith(`${descriptor}::`))?.[1];
}

/** `resolutions` of the project: `name`, `name@range`, `parent/name`, and either with a `**` before it. */
function resolutionOf(
  parent: string,
  name: string,
  range: string,
  resolutions: Readonly<Record<string, string>>,
): string | undefined {
  const own = [
    name,
    `${name}@${range}`,
    `${name}@${rangeWithProtocol(range)}`,
    `${name}@${range.replace(/^npm:/, '')}`,
  ];
  const keys = own.flatMap((key) => [`${parent}/${key}`, `**/${key}`, key]);
  return keys
    .map((key) => (Object.hasOwn(resolutions, key) ? resolutions[key] : undefined))
    .find((to) => to !== undefined);
}

function idOf(item: Item): string {
  const folder = workspaceOf(item);
  if (folder !== undefined) return linkTo(folder);
  const { protocol, selector, bound } = item.locator;
  if (protocol !== 'link:') return item.resolution;
  return linkTo(insideFolder(boundFolder(bound), selector, item.resolution));
}

/** `locator=project%40workspace%3Apackages%2Fa`: paths are relative to that workspace. */
function boundFolder(bound: ReadonlyMap<string, string>): string {
  const folder = /@workspace:(.*)$/.exec(bound.get('locator') ?? '')?.[1] ?? '.';
  return folder === '.' ? '' : folder;
}

function packageOf(item: Item, requires: ReadonlyMap<string, string>, lock: Lock): GraphPackage {
  const { locator, conditions, resolution } = item;
  const { base, patches } = locator.protocol === 'patch:' ? unpatched(item, lock) : { base: item, patches: [] };
  const version = base.version;
  const source = sourceOf(base);
  return {
    name: base.locator.name,
    version,
    entry: {
      locator: base.resolution,
      ...source,
      ...checksumOf(base, version, lock),
      ...(conditions === undefined ? {} : berryPlatform(conditions)),
      ...(lock.needed.has(resolution) ? {} : { optional: true }),
      ...(patches.length === 0 ? {} : { patches }),
    },
    requires,
  };
}

function sourceOf({ locator, resolution }: Item): Pick<LockEntry, 'resolved'> {
  const { protocol, selector, bound, reference } = locator;
  assertNotGit(resolution, reference);
  if (protocol === 'npm:') {
    const archive = bound.get('__archiveUrl');
    return archive === undefined ? {} : { resolved: archive };
  }
  if (/^https?:/.test(protocol)) return { resolved: `${protocol}${selector}` };
  if (protocol === 'file:' && /\.t(?:ar\.)?gz$/.test(selector)) {
    return { resolved: `file:${insideFolder(boundFolder(bound), selector, resolution)}` };
  }
  throw new HermeticBuildError(
    'LOCKFILE_KIND',
    `Cannot fetch "${resolution.slice(0, 200)}": yarn would make it itself`,
    {
      hint: 'Depend on a folder of the repository with "workspace:" or "link:", on anything else by a published version',
    },
  );
}

function checksumOf(
  { checksum, locator }: Item,
  version: string,
  lock: Lock,
): Pick<LockEntry, 'zipChecksum' | 'integrity'> {
  const key = `${locator.name}@${version}`;
  if (checksum === undefined) {
    const integrity = Object.hasOwn(lock.integrity, key) ? lock.integrity[key] : undefined;
    return integrity === undefined ? {} : { integrity };
  }
  const [, level, hex] = /^\d+(?:c(\d))?\/([0-9a-f]{128})$/.exec(checksum) ?? [];
  if (hex !== undefined && level === '0') return { zipChecksum: checksum };
  throw new HermeticBuildError(
    'INTEGRITY_WEAK',
    `Cannot check "${key.slice(0, 200)}": its checksum is of a compressed zip, which depends on who compresses`,
    {
      hint: 'Set "compressionLevel: 0" in .yarnrc.yml (the default since yarn 4), run "yarn install" and commit yarn.lock',
    },
  );
}

/** Of `name@npm%3A1.0.0#./a.patch&./b.patch`: the package itself and the patches that lie in the source. yarn's own are for its PnP alone. */
function unpatched(item: Item, lock: Lock, depth = 0): { readonly base: Item; readonly patches: readonly string[] } {
  const { selector, bound } = item.locator;
  const at = selector.indexOf('#');
  const inner = decodeURIComponent(at === -1 ? selector : selector.slice(0, at));
  const base = lock.items.find(({ resolution }) => resolution === inner) ?? lock.byDescriptor.get(inner);
  if (base === undefined) throw invalid(`"${inner.slice(0, 200)}" is patched, and not in it`);
  if (depth > MAX_PATCHES) throw invalid(`"${inner.slice(0, 200)}" is patched more than ${MAX_PATCHES} times`);
  if (base.locator.protocol === 'patch:') {
    const below = unpatched(base, lock, depth + 1);
    return { base: below.base, patches: [...below.patches, ...patchPaths(selector.slice(at + 1), bound, inner)] };
  }
  return { base, patches: at === -1 ? [] : patchPaths(selector.slice(at + 1), bound, inner) };
}

function patchPaths(text: string, bound: ReadonlyMap<string, string>, what: string): readonly string[] {
  const paths = text.split('&').map((path) => path.replace(/^optional!/, ''));
  return paths
    .filter((path) => !path.startsWith('builtin<'))
    .map((path) =>
      path.startsWith('~/') ? insideFolder('', path.slice(2), what) : insideFolder(boundFolder(bound), path, what),
    );
}
