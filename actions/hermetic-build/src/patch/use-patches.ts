import type { ImagePatch } from '@paved/attestation';
import { openBundledImage, type WantedImage } from '../buildkit/image-bundle.js';
import type { DockerfileBuild } from '../buildkit/open-dockerfile.js';
import { HermeticBuildError } from '../error.js';
import { readPatches } from './patch-record.js';
import { assertPatchOf, onlyImage } from './patched-image.js';

/**
 * The build with the patched image wherever the Dockerfile names its base; the base itself is no longer a source that the daemon
 * may take. `bases` keeps the digests of the Dockerfile: they are what was approved.
 * @throws {HermeticBuildError} `BUNDLE_INCOMPLETE` when both phases were not asked for the same, `IMAGE_PATCH_FAILED` when the patched
 *   image does not lie over its base
 */
export async function usePatches(build: DockerfileBuild, patch: boolean, bundlePath: string): Promise<DockerfileBuild> {
  const record = await readPatches(bundlePath);
  if (record !== undefined && !patch) throw differs('the bundle was patched, and patch is false');
  if (record === undefined && patch) throw differs('patch is true, and the bundle was not patched');
  const changed = record?.images.filter(({ before, after }) => before !== after) ?? [];
  if (changed.length === 0) return build;
  const found = await Promise.all(changed.map((one) => patchedImage(build, one, bundlePath)));
  const digests = new Map(changed.map(({ before, after }) => [before, after]));
  const dropped = new Set(changed.map(({ before }) => before));
  return {
    ...build,
    images: [...build.images.filter(({ reference }) => !dropped.has(reference.digest)), ...found],
    names: new Map([...build.names].map(([name, digest]) => [name, digests.get(digest) ?? digest])),
    patched: digests,
  };
}

async function patchedImage(build: DockerfileBuild, patch: ImagePatch, bundlePath: string): Promise<WantedImage> {
  const base = build.images.find(({ reference }) => reference.digest === patch.before);
  if (base === undefined) throw differs(`the Dockerfile does not name ${patch.before}, which was patched`);
  const patched: WantedImage = { reference: { ...base.reference, digest: patch.after }, platforms: base.platforms };
  const { root } = await openBundledImage(patched, bundlePath);
  if (root.kind !== 'image') throw differs('the patched image is an index');
  await assertPatchOf(await onlyImage(base, bundlePath), root, bundlePath);
  return patched;
}

function differs(state: string): HermeticBuildError {
  return new HermeticBuildError('BUNDLE_INCOMPLETE', `Cannot build: ${state}`, {
    hint: 'Run fetch and build over the same Dockerfile with the same inputs',
  });
}
