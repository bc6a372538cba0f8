import { createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Digest, digestHex, sha256 } from '@paved/digest';
import { canonicalJson, parseJson, record, unknown } from '@paved/json';
import {
  type BlobSource,
  type Content,
  type Descriptor,
  type ImageManifest,
  OCI_MANIFEST,
  openLayout,
  parseManifest,
  readBlob,
  VerifiedBlobStream,
} from '@paved/oci';
import { bundledBlob, IMAGES_FOLDER, openBundledImage, type WantedImage } from '../buildkit/image-bundle.js';
import { blobOf, type ConfigFields, fieldsOf } from '../image/layout-images.js';
import { patchFailed, patchRefused } from './patch-error.js';

const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json';
const OCI_LAYER = 'application/vnd.oci.image.layer.v1.tar';
const MAX_CONFIG_BYTES = 4 * 1024 * 1024;
const REPORT = 'Report it with the version of copa; what it wrote is not used';
/** What a runtime reads (image-spec 1.1, "Image Configuration"); `labels` in small letters is copa's own. */
const RUNTIME_FIELDS = [
  'User',
  'ExposedPorts',
  'Env',
  'Entrypoint',
  'Cmd',
  'Volumes',
  'WorkingDir',
  'Labels',
  'StopSignal',
  'Healthcheck',
  'Shell',
  'OnBuild',
];

/**
 * The manifest for the platform that is wanted; an index may have several for one architecture.
 * @throws {HermeticBuildError} `IMAGE_PATCH_REFUSED`, `BUNDLE_INCOMPLETE`, `INTEGRITY_MISMATCH`
 */
export async function onlyImage(wanted: WantedImage, bundlePath: string): Promise<ImageManifest> {
  const { images } = await openBundledImage(wanted, bundlePath);
  const [image, ...others] = images;
  if (image !== undefined && others.length === 0) return image;
  throw patchRefused(
    `its index has ${images.length} images for ${wanted.platforms.join()}`,
    'Name the digest of the one image in FROM',
  );
}

/** The config document of an image of the bundle. */
export async function bundledConfig({ config }: ImageManifest, bundlePath: string): Promise<ConfigFields> {
  const bytes = await readBlob(bundledBlob(bundlePath, config), MAX_CONFIG_BYTES);
  return parseJson('the config of the base image', bytes.toString('utf8'), record(unknown));
}

/**
 * Takes what copa wrote into the bundle as the base with more layers, and nothing else: the layers of the base come first, byte for
 * byte, and the config is the base's own, whatever the archive says. Returns the manifest, which is written by us.
 * @throws {HermeticBuildError} `IMAGE_PATCH_FAILED`
 * @throws {OciError} for an archive that is no image
 */
export async function takePatchedImage(
  archivePath: string,
  base: ImageManifest,
  tool: string,
  bundlePath: string,
): Promise<ImageManifest> {
  const archive = await openLayout(archivePath);
  const { root } = archive;
  if (root.kind !== 'image') throw patchFailed('copa wrote more than one image', REPORT);
  const config = await bundledConfig(base, bundlePath);
  await assertSameConfig(archive, root, config);
  const added = addedLayers(base.layers, root.layers);
  const blobs = join(bundlePath, IMAGES_FOLDER, 'blobs/sha256');
  for (const layer of added) await copyBlob(blobOf(archive, layer), join(blobs, digestHex(layer.digest)));
  const layers = [...base.layers, ...added].map(({ mediaType, digest, size }) => ({
    mediaType: ociLayer(mediaType),
    digest,
    size,
  }));
  const written = await writeBlob(blobs, patchedConfig(config, base, added, tool));
  const manifest = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: { mediaType: OCI_CONFIG, digest: written.digest, size: written.size },
    layers,
  };
  const { bytes } = await writeBlob(blobs, manifest);
  const parsed = parseManifest(bytes, OCI_MANIFEST);
  if (parsed.kind !== 'image') throw patchFailed('the manifest is none of an image', REPORT);
  return parsed;
}

/**
 * Holds a patched image of the bundle to the image that the Dockerfile names.
 * @throws {HermeticBuildError} `IMAGE_PATCH_FAILED`
 */
export async function assertPatchOf(base: ImageManifest, patched: ImageManifest, bundlePath: string): Promise<void> {
  addedLayers(base.layers, patched.layers);
  const [before, after] = [await bundledConfig(base, bundlePath), await bundledConfig(patched, bundlePath)];
  const { rootfs: _a, history: _b, ...kept } = before;
  const { rootfs: _c, history: _d, ...found } = after;
  if (canonicalJson(kept) !== canonicalJson(found)) throw otherConfig();
}

async function assertSameConfig(archive: Content, root: ImageManifest, base: ConfigFields): Promise<void> {
  const bytes = await readBlob(blobOf(archive, root.config), MAX_CONFIG_BYTES);
  const found = parseJson('the config that copa wrote', bytes.toString('utf8'), record(unknown));
  const runtime = (document: ConfigFields) => {
    const config = fieldsOf(document.config);
    return canonicalJson({
      os: document.os ?? null,
      architecture: document.architecture ?? null,
      ...Object.fromEntries(RUNTIME_FIELDS.map((name) => [name, config[name] ?? null])),
    });
  };
  if (runtime(found) !== runtime(base)) throw otherConfig();
}

function otherConfig() {
  return patchFailed('the patched image has another config than the base', REPORT);
}

/** What follows the layers of the base. Added layers are plain tars, so that their digest is also their diff id. */
function addedLayers(base: readonly Descriptor[], patched: readonly Descriptor[]): readonly Descriptor[] {
  const same = base.every(
    ({ digest, size }, place) => patched[place]?.digest === digest && patched[place].size === size,
  );
  const added = patched.slice(base.length);
  if (!same || added.length === 0)
    throw patchFailed('what was written does not lie over the layers of the base', REPORT);
  const packed = added.find(({ mediaType }) => !mediaType.endsWith('.tar'));
  if (packed !== undefined) throw patchFailed(`a layer is packed as ${packed.mediaType.slice(0, 100)}`, REPORT);
  return added;
}

/** Docker's names for the same bytes are no part of an OCI manifest. */
function ociLayer(mediaType: string): string {
  if (mediaType === 'application/vnd.docker.image.rootfs.diff.tar') return OCI_LAYER;
  return mediaType === 'application/vnd.docker.image.rootfs.diff.tar.gzip' ? `${OCI_LAYER}+gzip` : mediaType;
}

function patchedConfig(
  config: ConfigFields,
  base: ImageManifest,
  added: readonly Descriptor[],
  tool: string,
): ConfigFields {
  const rootfs = fieldsOf(config.rootfs);
  const diffIds: readonly unknown[] = Array.isArray(rootfs.diff_ids) ? rootfs.diff_ids : [];
  if (diffIds.length !== base.layers.length) {
    throw patchFailed(
      'the config of the base has another number of layers',
      'Take a base that its registry serves whole',
    );
  }
  const history: readonly unknown[] = Array.isArray(config.history) ? config.history : [];
  const created_by = `paved hermetic-build patch (${tool})`;
  return {
    ...config,
    rootfs: { type: 'layers', diff_ids: [...diffIds, ...added.map(({ digest }) => digest)] },
    // A history that does not cover every layer is refused by some runtimes, so a base without one stays without.
    ...(history.length === 0 ? {} : { history: [...history, ...added.map(() => ({ created_by }))] }),
  };
}

async function copyBlob(source: BlobSource, path: string): Promise<void> {
  await pipeline(source.open(), new VerifiedBlobStream(source.descriptor), createWriteStream(path, { mode: 0o600 }));
}

async function writeBlob(
  blobs: string,
  document: unknown,
): Promise<{ readonly digest: Digest; readonly size: number; readonly bytes: Buffer }> {
  const bytes = Buffer.from(canonicalJson(document));
  const digest = sha256(bytes);
  await writeFile(join(blobs, digestHex(digest)), bytes);
  return { digest, size: bytes.length, bytes };
}
