import { stat } from 'node:fs/promises';
import type { ImagePatch } from '@paved/attestation';
import type { FetchedPackage } from '@paved/bom';
import { digestHex } from '@paved/digest';
import type { ImageManifest } from '@paved/oci';
import type { FetchedTool } from '@paved/runner-kit/fetch-tool';
import { PackageURL } from 'packageurl-js';
import { packagePurl } from '../lockfile/purl.js';

const COPA = 'github.com/project-copacetic/copacetic';

/** What a patch made, and with what. */
export interface Patched {
  readonly patch: ImagePatch;
  readonly image: ImageManifest;
  readonly tool: FetchedTool;
}

/**
 * The packages of the fetch manifest as the build sees them: the patched image in the place of the base, with the digest of the
 * Dockerfile beside its own, and copa, whose module advisories name.
 */
export async function patchedPackages(
  packages: readonly FetchedPackage[],
  { patch, image, tool }: Patched,
): Promise<readonly FetchedPackage[]> {
  const changed = packages.map((entry) => {
    if (entry.ecosystem !== 'purl:oci' || entry.version !== patch.before || patch.before === patch.after) return entry;
    const purl = PackageURL.fromString(entry.purl);
    const { tag: _, ...qualifiers } = purl.qualifiers ?? {};
    return {
      ...entry,
      purl: new PackageURL('oci', undefined, entry.name, patch.after, qualifiers, undefined).toString(),
      version: patch.after,
      size: sizeOf(image),
      digests: { sha256: digestHex(patch.after) },
    };
  });
  const version = `v${tool.version}`;
  const copa: FetchedPackage = {
    purl: packagePurl('golang', COPA, version),
    name: COPA,
    version,
    ecosystem: 'Go',
    size: (await stat(tool.path)).size,
    digests: { sha256: digestHex(tool.digest) },
    lockDigest: tool.assetDigest,
    direct: true,
    scope: 'development',
    dependencies: [],
    locations: ['copa'],
  };
  return [...changed, copa];
}

function sizeOf({ bytes, config, layers }: ImageManifest): number {
  const blobs = new Map([config, ...layers].map(({ digest, size }) => [digest, size]));
  return [...blobs.values()].reduce((sum, size) => sum + size, bytes.length);
}
