import type { FetchedPackage } from '@paved/bom';
import { HermeticBuildError } from '../error.js';
import { mismatch, type StoredArchive, storeFile } from '../fetch/download.js';
import { eachAtOnce } from '../fetch/each-at-once.js';
import { urlSource } from '../fetch/package-source.js';
import { type BundleFile, writeBundleIndex } from '../kinds/bundle-index.js';
import type { FetchOptions } from '../kinds/locked-project.js';
import { secureAddress } from '../kinds/registries.js';
import { type Coordinates, gav, mavenInvalid, mavenPurl, repositoryPath } from './coordinates.js';
import type { LockedFile, LockedNode, MavenLock } from './maven-lock.js';

const CONCURRENCY = 8;
/** A package URL has at most 2,048 characters, and each of an address can be three. */
const MAX_ADDRESS = 400;

/**
 * Every file of the lock files, by its path in a repository; modules of the project itself are left out.
 * @throws {HermeticBuildError} `LOCKFILE_INVALID` when two modules lock one file with two digests
 */
export function lockedFiles(locks: readonly MavenLock[]): ReadonlyMap<string, LockedFile> {
  const own = new Set(locks.map(({ project }) => gav(project)));
  const files = new Map<string, LockedFile>();
  const add = (file: LockedFile) => {
    if (own.has(gav(file))) return;
    const path = repositoryPath(file);
    const known = files.get(path);
    if (known !== undefined && (known.algorithm !== file.algorithm || known.digest !== file.digest))
      throw mavenInvalid(`it has two digests for "${path}"`);
    files.set(path, known?.url === undefined ? file : known);
  };
  for (const lock of locks) {
    for (const file of lock.poms) add(file);
    for (const node of nodesOf(lock)) add(node.file);
  }
  return files;
}

function nodesOf(lock: MavenLock): readonly LockedNode[] {
  const all: LockedNode[] = [];
  const queue = [...lock.dependencies, ...lock.plugins];
  for (let node = queue.pop(); node !== undefined; node = queue.pop()) {
    all.push(node);
    queue.push(...node.children);
  }
  return all;
}

/** Downloads every file and holds it to its checksum; jars are not opened. */
export async function fetchArtifacts(
  locks: readonly MavenLock[],
  { http, hosts, bundlePath, registry, onProgress }: FetchOptions,
): Promise<readonly FetchedPackage[]> {
  const locked = lockedFiles(locks);
  const files: BundleFile[] = [];
  const stored = new Map<string, StoredArchive>();
  await eachAtOnce([...locked], CONCURRENCY, async ([path, file]) => {
    const label = gav(file);
    const source = urlSource(urlOf(path, file, registry), hosts);
    const archive = await storeFile(label, source, { http, projectPath: '', bundlePath }, async (_part, bytes) => {
      if (bytes[file.algorithm] !== file.digest)
        throw mismatch(label, source, file.algorithm, bytes[file.algorithm], file.digest);
      return bytes.sha256;
    });
    stored.set(path, archive);
    files.push({ path, sha256: archive.sha256, size: archive.size });
    onProgress(files.length, locked.size);
  });
  await writeBundleIndex(bundlePath, files);
  return packagesOf(locks, locked, stored, registry);
}

function urlOf(path: string, file: LockedFile, registry: URL | undefined): URL {
  if (registry !== undefined) return new URL(path, registry);
  if (file.url === undefined) {
    throw new HermeticBuildError(
      'REGISTRY_UNKNOWN',
      `Cannot fetch "${gav(file)}": its lock file entry has no address`,
      {
        hint: 'Set registries to "maven=https://...", or write the lock file with a current version of the plugin',
      },
    );
  }
  const url = secureAddress('maven', file.url);
  url.pathname = url.pathname.replace(/\/$/, '');
  return url;
}

/** Maven Central, which a package URL stands for when it says nothing else (purl-spec, "maven"). */
const CENTRAL = /^https:\/\/(?:repo\.maven\.apache\.org|repo1\.maven\.org)\/maven2\/$/;

/**
 * The repository that is not Central, or an address that is in no repository. Attack: a lock file that takes a file with the
 * coordinates of a known one from somewhere else.
 */
function originOf(path: string, address: string | undefined, registry: URL | undefined): Record<string, string> {
  if (registry !== undefined || address === undefined || !URL.canParse(address)) return {};
  const url = new URL(address);
  const at = `${url.origin}${url.pathname}`.replace(/\/$/, '');
  if (!at.endsWith(`/${path}`)) return { download_url: at.length <= MAX_ADDRESS ? at : url.origin };
  const repository = at.slice(0, -path.length);
  if (CENTRAL.test(repository)) return {};
  return { repository_url: repository.length <= MAX_ADDRESS ? repository : url.origin };
}

function packagesOf(
  locks: readonly MavenLock[],
  locked: ReadonlyMap<string, LockedFile>,
  stored: ReadonlyMap<string, StoredArchive>,
  registry: URL | undefined,
): readonly FetchedPackage[] {
  const purlOf = (path: string, file: Coordinates) => mavenPurl(file, originOf(path, locked.get(path)?.url, registry));
  const runtime = new Set<string>();
  const direct = new Set<string>();
  const requires = new Map<string, Set<string>>();
  const visit = (node: LockedNode, top: boolean, isRuntime: boolean) => {
    const path = repositoryPath(node.file);
    if (top) direct.add(path);
    if (isRuntime) runtime.add(path);
    const below = requires.get(path) ?? new Set();
    requires.set(path, below);
    for (const child of node.children) {
      const required = repositoryPath(child.file);
      if (locked.has(required)) below.add(purlOf(required, child.file));
      visit(child, false, isRuntime);
    }
  };
  for (const lock of locks) {
    for (const node of lock.dependencies) visit(node, true, node.scope !== 'test');
    for (const node of lock.plugins) visit(node, true, false);
  }
  return [...locked].flatMap(([path, file]) => {
    const archive = stored.get(path);
    if (archive === undefined) return [];
    const entry: FetchedPackage = {
      purl: purlOf(path, file),
      name: `${file.group}:${file.artifact}`,
      version: file.version,
      ecosystem: 'Maven',
      size: archive.size,
      digests: { sha256: archive.sha256, sha512: archive.sha512 },
      lockDigest: `${file.algorithm}:${file.digest}`,
      direct: direct.has(path),
      scope: runtime.has(path) ? 'runtime' : 'development',
      dependencies: [...(requires.get(path) ?? [])].sort(),
      locations: [path],
    };
    return [entry];
  });
}
