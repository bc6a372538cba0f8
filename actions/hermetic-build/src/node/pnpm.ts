import { parseYamlLock } from '@paved/bom/lockfiles';
import { array, boolean, object, oneOf, optional, parseJson, record, string, unknown } from '@paved/json';
import { HermeticBuildError } from '../error.js';
import { type GraphPackage, type Importer, linkTo, type PackageGraph } from './package-graph.js';
import { outdated, readWanted, type Wanted } from './package-json.js';
import { invalid } from './place-packages.js';
import { insideFolder, readWorkspace } from './workspaces.js';

const words = optional(array(string));
const locked = object({
  resolution: object({
    integrity: optional(string),
    tarball: optional(string),
    type: optional(string),
    commit: optional(string),
    directory: optional(string),
  }),
  version: optional(string),
  os: words,
  cpu: words,
  libc: words,
});
const edges = optional(record(string));
const snapshot = object({ dependencies: edges, optionalDependencies: edges, optional: optional(boolean) });
const importer = optional(record(object({ specifier: string, version: string })));
const importers = object({ dependencies: importer, devDependencies: importer, optionalDependencies: importer });
const document = object({
  lockfileVersion: oneOf<string | unknown>(string, unknown),
  importers: record(importers),
  packages: optional(record(locked)),
  snapshots: optional(record(snapshot)),
  overrides: edges,
  patchedDependencies: optional(record(object({ path: string }))),
});
const NOTHING_WANTED: Wanted = readWanted('{}');
type Document = ReturnType<typeof document>;

/**
 * pnpm-lock.yaml of version 9. pnpm's own layout is links into a store; here the packages are laid out as npm does.
 * @throws {HermeticBuildError} `LOCKFILE_VERSION`, `LOCKFILE_KIND`, `LOCKFILE_OUTDATED`, `GIT_DEPENDENCY`, `DEPENDENCY_OUTSIDE`, `LOCKFILE_INVALID`
 */
export async function readPnpmLock(text: string, sourcePath: string): Promise<PackageGraph> {
  const raw = parseYamlLock('pnpm', text);
  if (!/^9(\.\d+)?$/.test(String(raw.lockfileVersion))) {
    throw new HermeticBuildError('LOCKFILE_VERSION', 'Cannot read pnpm-lock.yaml: its lockfileVersion is not 9', {
      hint: 'Run "pnpm install" with pnpm 9 or later and commit the result',
    });
  }
  const lock = parseJson('pnpm-lock.yaml', JSON.stringify(raw), document);
  const { '.': project, ...others } = lock.importers;
  // A folder that only holds workspaces is none itself.
  const root = await importerOf('', project ?? {}, lock, sourcePath);
  const workspaces: Importer[] = [];
  for (const [folder, item] of Object.entries(others)) {
    workspaces.push(await importerOf(insideFolder('', folder, folder), item, lock, sourcePath));
  }
  const packages = new Map(Object.entries(lock.snapshots ?? {}).map(([id, item]) => [id, packageOf(id, item, lock)]));
  return { importers: [root, ...workspaces], packages };
}

async function importerOf(
  folder: string,
  locks: ReturnType<typeof importers>,
  lock: Document,
  sourcePath: string,
): Promise<Importer> {
  const wanted = (await readWorkspace(sourcePath, folder)) ?? (folder === '' ? NOTHING_WANTED : undefined);
  const where = folder === '' ? 'package.json' : `${folder}/package.json`;
  if (wanted === undefined) throw outdated('pnpm-lock.yaml', 'there is no such file', where);
  const own = { ...locks.devDependencies, ...locks.dependencies, ...locks.optionalDependencies };
  assertSame(wanted, own, lock.overrides ?? {}, where);
  const idsOf = (ranges: Readonly<Record<string, string>>) =>
    new Map(Object.keys(ranges).map((name) => [name, idOf(name, own[name]?.version ?? '', folder)]));
  // Peers that pnpm installs by itself are in no list of package.json but their own.
  const peers = Object.fromEntries(
    Object.entries(wanted.peers).filter(([name]) => Object.hasOwn(locks.dependencies ?? {}, name)),
  );
  const development = Object.entries(wanted.development).filter(([name]) => !Object.hasOwn(peers, name));
  return {
    folder,
    manifest: wanted.manifest,
    runtime: idsOf({ ...peers, ...wanted.runtime }),
    development: idsOf(Object.fromEntries(development)),
  };
}

function assertSame(
  wanted: Wanted,
  own: Readonly<Record<string, { readonly specifier: string }>>,
  overrides: Readonly<Record<string, string>>,
  where: string,
): void {
  const all = { ...wanted.runtime, ...wanted.development };
  for (const [name, range] of Object.entries(all)) {
    const specifier = Object.hasOwn(own, name) ? own[name]?.specifier : undefined;
    const overridden = Object.hasOwn(overrides, name) && specifier === overrides[name];
    if (specifier !== range && !overridden) throw outdated('pnpm-lock.yaml', `${name} ${range}`, where);
  }
  const extra = Object.keys(own).find((name) => !Object.hasOwn(all, name) && !Object.hasOwn(wanted.peers, name));
  if (extra !== undefined) throw outdated('pnpm-lock.yaml', extra, where);
}

/** A reference is a version, with peers in parentheses, or, for an alias, a whole id; `link:` leads to a folder of the source. */
function idOf(name: string, reference: string, folder: string): string {
  if (reference.startsWith('link:')) return linkTo(insideFolder(folder, reference.slice('link:'.length), name));
  const plain = reference.replace(/\(.*$/s, '');
  return plain.indexOf('@', 1) > 0 ? reference : `${name}@${reference}`;
}

function packageOf(id: string, item: ReturnType<typeof snapshot>, lock: Document): GraphPackage {
  const { dependencies, optionalDependencies, optional: isOptional } = item;
  const plain = id.replace(/\(.*$/s, '');
  const at = plain.indexOf('@', 1);
  const packages = lock.packages ?? {};
  const found = Object.hasOwn(packages, plain) ? packages[plain] : undefined;
  if (found === undefined || at < 1) throw invalid(`"${id.slice(0, 200)}" has no resolution`);
  const { resolution, os, cpu, libc } = found;
  assertFetchable(plain, resolution);
  const requires = Object.entries({ ...dependencies, ...optionalDependencies });
  const [name, version] = [plain.slice(0, at), found.version ?? plain.slice(at + 1)];
  const patches = patchesOf(name, version, id, lock);
  return {
    name,
    version,
    entry: {
      ...(resolution.integrity === undefined ? {} : { integrity: resolution.integrity }),
      ...(resolution.tarball === undefined ? {} : { resolved: resolution.tarball }),
      ...(os === undefined ? {} : { os }),
      ...(cpu === undefined ? {} : { cpu }),
      ...(libc === undefined ? {} : { libc }),
      ...(isOptional === true ? { optional: true } : {}),
      ...(patches.length === 0 ? {} : { patches }),
    },
    requires: new Map(requires.map(([required, reference]) => [required, idOf(required, reference, '')])),
  };
}

function assertFetchable(id: string, resolution: ReturnType<typeof locked>['resolution']): void {
  const label = id.slice(0, 200);
  if (resolution.type === 'git' || resolution.commit !== undefined) {
    throw new HermeticBuildError('GIT_DEPENDENCY', `Cannot fetch "${label}": it comes from a git repository`, {
      hint: 'Depend on a published version, or commit a tarball of it and depend on file:<tarball>',
    });
  }
  if (resolution.type === 'directory' || resolution.directory !== undefined) {
    throw new HermeticBuildError('LOCKFILE_KIND', `Cannot install "${label}": pnpm would copy a folder of the source`, {
      hint: 'Depend on it with "workspace:" or "link:", without "injected"',
    });
  }
}

/** By version, or for all versions; the snapshot of a patched package names the digest of its patch. */
function patchesOf(name: string, version: string, id: string, lock: Document): readonly string[] {
  if (!id.includes('(patch_hash=')) return [];
  const patched = lock.patchedDependencies ?? {};
  const key = [`${name}@${version}`, name].find((item) => Object.hasOwn(patched, item));
  const path = key === undefined ? undefined : patched[key]?.path;
  if (path === undefined) {
    throw new HermeticBuildError('LOCKFILE_KIND', `Cannot use pnpm-lock.yaml: the patch of "${name}" is for a range`, {
      hint: 'Name the exact version in patchedDependencies',
    });
  }
  return [insideFolder('', path, name)];
}
