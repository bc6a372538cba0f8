import { lstat, readdir, rm, writeFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { BuildOutput } from '@paved/attestation';
import { digestHex, sha256File } from '@paved/digest';
import { canonicalJson } from '@paved/json';
import { manifestDescriptor, OCI_INDEX, type OciLayout, openLayout, readPlatform } from '@paved/oci';
import { invalidImage } from './description.js';

/**
 * Checks every byte of a layout that a tool wrote, and leaves nothing in it that says when: its index.json names the image alone, and
 * what the image does not reach is removed.
 * @throws {HermeticBuildError} `IMAGE_INVALID` when it has more than images, such as a statement of the tool's own
 */
export async function normalizeLayout(path: string): Promise<OciLayout> {
  const layout = await openLayout(path);
  for (const manifest of layout.manifests) {
    if (manifest.kind !== 'image') continue;
    const platform = await readPlatform(layout, manifest);
    if (platform === undefined || platform.os === 'unknown') throw invalidImage('it holds something that is no image');
  }
  const reached = new Set([
    ...layout.manifests.map(({ digest }) => digestHex(digest)),
    ...layout.blobs.map(({ descriptor }) => digestHex(descriptor.digest)),
  ]);
  const blobs = join(path, 'blobs/sha256');
  for (const name of await readdir(blobs)) if (!reached.has(name)) await rm(join(blobs, name), { recursive: true });
  for (const name of await readdir(path)) if (name !== 'blobs') await rm(join(path, name), { recursive: true });
  await writeLayoutFiles(path, manifestDescriptor(layout.root));
  return layout;
}

/** The two files beside the blobs. */
export async function writeLayoutFiles(path: string, root: ReturnType<typeof manifestDescriptor>): Promise<void> {
  const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [root] };
  await writeFile(join(path, 'index.json'), canonicalJson(index));
  await writeFile(join(path, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
}

/** Every file of a layout, for the build record. */
export async function layoutOutputs(path: string): Promise<readonly BuildOutput[]> {
  const outputs: BuildOutput[] = [];
  for (const entry of await readdir(path, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    const { size } = await lstat(file);
    outputs.push({ path: posix.relative(path, file), size, sha256: await sha256File(file) });
  }
  return outputs.sort((a, b) => (a.path < b.path ? -1 : 1));
}
