import type { FetchedPackage } from '@paved/bom';
import { walkArchive } from '../build/archive.js';
import { mismatch, type StoredArchive, storeFile } from '../fetch/download.js';
import { eachAtOnce } from '../fetch/each-at-once.js';
import { urlSource } from '../fetch/package-source.js';
import { type BundleFile, writeBundleIndex } from '../kinds/bundle-index.js';
import type { FetchOptions } from '../kinds/locked-project.js';
import { packagePurl } from '../lockfile/purl.js';
import { crateUrl, downloadTemplate, publicIndex } from './crate-url.js';
import type { LockedCrate } from './locked-crate.js';

const CONCURRENCY = 12;

/** Fetches every crate by its checksum, and reads each once, so that a hostile archive is refused before any user code runs. */
export async function fetchCrates(
  crates: readonly LockedCrate[],
  { http, hosts, bundlePath, registry, onProgress }: FetchOptions,
): Promise<readonly FetchedPackage[]> {
  const files: BundleFile[] = [];
  const packages: FetchedPackage[] = [];
  const template = crates.length === 0 ? '' : await downloadTemplate(http, registry ?? publicIndex());
  await eachAtOnce(crates, CONCURRENCY, async (crate) => {
    const label = crateLabel(crate);
    const source = urlSource(crateUrl(template, crate), hosts);
    const stored = await storeFile(label, source, { http, projectPath: '', bundlePath }, async (part, { sha256 }) => {
      if (sha256 !== crate.sha256) throw mismatch(label, source, 'sha256', sha256, crate.sha256);
      await walkArchive(label, part, async () => {});
      return sha256;
    });
    files.push({ path: cratePath(crate), sha256: stored.sha256, size: stored.size });
    packages.push(packageOf(crate, stored));
    onProgress(files.length, crates.length);
  });
  await writeBundleIndex(bundlePath, files);
  return packages;
}

export function crateLabel({ name, version }: LockedCrate): string {
  return `${name}@${version}`;
}

export function cratePath({ name, version }: LockedCrate): string {
  return `${name}-${version}.crate`;
}

function packageOf(crate: LockedCrate, stored: StoredArchive): FetchedPackage {
  const { name, version, direct, requires } = crate;
  const dependencies = requires.map((other) => packagePurl('cargo', other.name, other.version));
  return {
    purl: packagePurl('cargo', name, version),
    name,
    version,
    ecosystem: 'crates.io',
    size: stored.size,
    digests: { sha256: stored.sha256, sha512: stored.sha512 },
    lockDigest: `sha256:${crate.sha256}`,
    direct,
    scope: 'runtime',
    dependencies: [...new Set(dependencies)].sort(),
    locations: [],
  };
}
