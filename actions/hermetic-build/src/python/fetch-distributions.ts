import type { FetchedPackage } from '@paved/bom';
import { HermeticBuildError } from '../error.js';
import { mismatch, type StoredArchive, storeFile } from '../fetch/download.js';
import { eachAtOnce } from '../fetch/each-at-once.js';
import type { NamedHosts } from '../fetch/named-hosts.js';
import { urlSource } from '../fetch/package-source.js';
import { type BundleFile, writeBundleIndex } from '../kinds/bundle-index.js';
import type { FetchOptions } from '../kinds/locked-project.js';
import { packagePurl } from '../lockfile/purl.js';
import { inspectWheel } from './inspect-wheel.js';
import type { LockedDistribution } from './locked-distribution.js';
import type { PythonFacts } from './python-facts.js';
import { type OfferedFile, offeredFiles } from './simple-index.js';
import { type DistributionFile, fitOf, parseFileName, sameVersion } from './wheel.js';

const CONCURRENCY = 8;

export interface FetchedDistributions {
  readonly packages: readonly FetchedPackage[];
  /** Names without a wheel for this interpreter: their own code runs when they are built. */
  readonly built: readonly string[];
}

/** Fetches one file per distribution, the one that fits this interpreter best among those whose digest is locked. */
export async function fetchDistributions(
  locked: readonly LockedDistribution[],
  index: URL,
  facts: PythonFacts,
  { http, hosts, bundlePath, onProgress }: FetchOptions,
): Promise<FetchedDistributions> {
  const files: BundleFile[] = [];
  const packages: FetchedPackage[] = [];
  const built: string[] = [];
  const versions = new Map(locked.map(({ name, version }) => [name, version]));
  await eachAtOnce(locked, CONCURRENCY, async (item) => {
    const label = `${item.name}@${item.version}`;
    const file = chooseFile(item, await offeredFiles(http, index, item.name), facts, hosts);
    const source = urlSource(file.url, hosts);
    const stored = await storeFile(label, source, { http, projectPath: '', bundlePath }, async (part, { sha256 }) => {
      if (!item.sha256.includes(sha256)) throw mismatch(label, source, 'sha256', sha256, item.sha256[0] ?? '');
      if (file.name.endsWith('.whl')) await inspectWheel(label, part, item);
      return sha256;
    });
    if (!file.name.endsWith('.whl')) built.push(label);
    files.push({ path: file.name, sha256: stored.sha256, size: stored.size });
    packages.push(packageOf(item, stored, versions));
    onProgress(files.length, locked.length);
  });
  await writeBundleIndex(bundlePath, files);
  return { packages, built: built.sort() };
}

function chooseFile(
  item: LockedDistribution,
  offered: readonly OfferedFile[],
  facts: PythonFacts,
  hosts: NamedHosts,
): OfferedFile {
  const label = `${item.name}@${item.version}`;
  const named = offered.flatMap((file) => {
    const parsed = parseFileName(file.name);
    const own = parsed !== undefined && parsed.name === item.name && sameVersion(parsed.version, item.version);
    return own ? [{ file, parsed }] : [];
  });
  const locked = named.filter(({ file }) => item.sha256.includes(file.sha256));
  if (locked.length === 0) {
    const state =
      named.length === 0 ? 'the index has no file of it' : 'no file of it in the index has a digest of the lock file';
    const code = named.length === 0 ? 'REGISTRY_ANSWER' : 'INTEGRITY_MISMATCH';
    throw new HermeticBuildError(code, `Cannot fetch "${label}": ${state}`, {
      hint: 'Somebody changed the package, the index or the lock file; do not refresh the lock file before you know which',
    });
  }
  const best = bestOf(locked, facts);
  const offeredBest = bestOf(named, facts);
  // Attack: one digest of the lock file is changed, so that a source archive is built instead of the wheel. That every other digest is
  // there, and a better file with a digest that nobody locked, tells it from files that were published later and from part mirrors.
  const orphan = item.sha256.find((sha256) => !named.some(({ file }) => file.sha256 === sha256));
  if (offeredBest !== undefined && best?.sha256 !== offeredBest.sha256 && orphan !== undefined) {
    throw mismatch(label, urlSource(offeredBest.url, hosts), 'sha256', offeredBest.sha256, orphan);
  }
  if (best !== undefined) return best;
  throw new HermeticBuildError(
    'PLATFORM_MISMATCH',
    `Cannot fetch "${label}": none of its locked files is for this Python`,
    {
      hint: 'Build with the Python and platform that the lock file was made for, or lock the hashes of all files',
    },
  );
}

/** The file that fits this interpreter best: a wheel before a source archive. */
function bestOf(
  files: readonly { readonly file: OfferedFile; readonly parsed: DistributionFile }[],
  facts: PythonFacts,
): OfferedFile | undefined {
  const ranked = files
    .map(({ file, parsed }) => ({ file, fit: parsed.kind === 'sdist' ? -1 : fitOf(parsed, facts) }))
    .filter((entry): entry is { file: OfferedFile; fit: number } => entry.fit !== undefined)
    .sort((a, b) => b.fit - a.fit || (a.file.name < b.file.name ? -1 : 1));
  return ranked[0]?.file;
}

function packageOf(
  item: LockedDistribution,
  stored: StoredArchive,
  versions: ReadonlyMap<string, string>,
): FetchedPackage {
  const dependencies = item.requires.flatMap((name) => {
    const version = versions.get(name);
    return version === undefined ? [] : [packagePurl('pypi', name, version)];
  });
  return {
    purl: packagePurl('pypi', item.name, item.version),
    name: item.name,
    version: item.version,
    ecosystem: 'PyPI',
    size: stored.size,
    digests: { sha256: stored.sha256, sha512: stored.sha512 },
    lockDigest: `sha256:${stored.sha256}`,
    direct: item.direct,
    scope: item.scope,
    dependencies: [...new Set(dependencies)].sort(),
    locations: [],
  };
}
