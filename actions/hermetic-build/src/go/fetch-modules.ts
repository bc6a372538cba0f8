import { readFile } from 'node:fs/promises';
import type { FetchedPackage } from '@paved/bom';
import { parseLockfile } from '@paved/bom/lockfiles';
import { mismatch, type StoredArchive, storeFile } from '../fetch/download.js';
import { eachAtOnce } from '../fetch/each-at-once.js';
import { urlSource } from '../fetch/package-source.js';
import { type BundleFile, writeBundleIndex } from '../kinds/bundle-index.js';
import type { FetchOptions } from '../kinds/locked-project.js';
import { packagePurl } from '../lockfile/purl.js';
import { hashGoMod, hashModuleZip } from './dirhash.js';
import type { LockedModules, WantedFile } from './locked-modules.js';
import { moduleLabel, modulePath } from './module-version.js';

const CONCURRENCY = 12;
const MAX_MOD_BYTES = 16 * 1024 * 1024;

/**
 * Fetches the go.mod files of the module graph and the zips of what the build can use, from a module proxy, each held to go.sum.
 * A proxy's `.info` is held to nothing, so it is not asked for.
 */
export async function fetchModules(
  modules: LockedModules,
  proxy: URL,
  { http, hosts, bundlePath, onProgress }: FetchOptions,
): Promise<readonly FetchedPackage[]> {
  const stored = new Map<string, StoredArchive>();
  const files: BundleFile[] = [];
  const all = [...modules.mods, ...modules.zips];
  await eachAtOnce(all, CONCURRENCY, async (wanted) => {
    const path = modulePath(wanted.module, wanted.extension);
    const source = urlSource(new URL(path, proxy), hosts);
    const limit = wanted.extension === 'mod' ? { maxBytes: MAX_MOD_BYTES } : {};
    const label = moduleLabel(wanted.module);
    const options = { http, projectPath: '', bundlePath, ...limit };
    const archive = await storeFile(label, source, options, async (part, { sha256 }) => {
      const found = await hashWanted(wanted, part);
      if (!wanted.hashes.includes(found)) throw mismatch(label, source, 'h1', found, wanted.hashes[0] ?? '');
      return sha256;
    });
    stored.set(path, archive);
    files.push({ path, sha256: archive.sha256, size: archive.size });
    onProgress(files.length, all.length);
  });
  await writeBundleIndex(bundlePath, files);
  return await Promise.all(modules.zips.map((wanted) => packageOf(wanted, modules, stored)));
}

/** Both phases hash the same way. */
export async function hashWanted({ module, extension }: WantedFile, path: string): Promise<string> {
  if (extension === 'mod') return await hashGoMod(path);
  return await hashModuleZip(moduleLabel(module), path, `${moduleLabel(module)}/`);
}

async function packageOf(
  wanted: WantedFile,
  modules: LockedModules,
  stored: ReadonlyMap<string, StoredArchive>,
): Promise<FetchedPackage> {
  const { path, version } = wanted.module;
  const archive = stored.get(modulePath(wanted.module, 'zip'));
  const goMod = stored.get(modulePath(wanted.module, 'mod'));
  const used = new Map(modules.zips.map(({ module }) => [module.path, module]));
  const required = goMod === undefined ? [] : requiredPaths(await readFile(goMod.path, 'utf8'));
  const dependencies = required
    .flatMap((name) => used.get(name) ?? [])
    .map((module) => modulePurl(module.path, module.version));
  return {
    purl: modulePurl(path, version),
    name: path,
    version,
    ecosystem: 'Go',
    size: archive?.size ?? 0,
    digests: { sha256: archive?.sha256 ?? '', ...(archive === undefined ? {} : { sha512: archive.sha512 }) },
    lockDigest: wanted.hashes[0] ?? '',
    direct: modules.direct.has(path),
    scope: 'runtime',
    dependencies: [...new Set(dependencies)].sort(),
    locations: [],
  };
}

export function modulePurl(path: string, version: string): string {
  return packagePurl('golang', path, version);
}

/** Old modules have go.mod files of odd forms; they are locked, and only the graph of the SBOM is made of them. */
function requiredPaths(text: string): readonly string[] {
  try {
    return parseLockfile('go.mod', text).packages.map(({ name }) => name);
  } catch {
    return [];
  }
}
