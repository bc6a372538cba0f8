import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestHex } from '@paved/digest';
import type { Content } from '@paved/oci';

/**
 * Writes the manifests below an index as SHA256SUMS, named as the files of a layout's folder are: no folder holds those of an archive,
 * and each of them has to be a subject of what is signed.
 * @returns the path; `undefined` for content without an index
 */
export async function writeManifestChecksums(
  { root, manifests }: Content,
  workDir: () => Promise<string>,
): Promise<string | undefined> {
  const below = manifests.map(({ digest }) => digest).filter((digest) => digest !== root.digest);
  if (below.length === 0) return undefined;
  const path = join(await workDir(), 'SHA256SUMS');
  const lines = below.map((digest) => `${digestHex(digest)}  blobs/${digest.replace(':', '/')}\n`);
  await writeFile(path, lines.sort().join(''), { flag: 'wx' });
  return path;
}
