import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Digest, digestHex, parseDigest, sha256 } from '@paved/digest';
import { canonicalJson } from '@paved/json';
import {
  type Content,
  type Descriptor,
  type ImageManifest,
  OCI_INDEX,
  OCI_MANIFEST,
  openLayout,
  platformText,
  readBlob,
  readPlatform,
  VerifiedBlobStream,
} from '@paved/oci';
import { isInside } from '@paved/sandbox';
import { type ImageDescription, invalidImage } from './description.js';
import { imageConfig, parseBaseConfig } from './image-config.js';
import { writeLayer } from './layer.js';

const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json';
const OCI_LAYER = 'application/vnd.oci.image.layer.v1.tar';
const MAX_CONFIG_BYTES = 4 * 1024 * 1024;

export interface BuildImageOptions {
  /** The collected outputs that `from` is relative to. */
  readonly filesPath: string;
  /** Where a base layout is looked for. */
  readonly sourcePath: string;
  /** Empty folder that becomes the layout. */
  readonly layoutPath: string;
  /** Seconds. */
  readonly sourceDateEpoch: number;
}

export interface BuiltImage {
  /** Of the image, or of the index when there are several platforms. */
  readonly digest: Digest;
  readonly images: readonly {
    readonly platform: string;
    readonly digest: Digest;
    readonly config: Readonly<Record<string, unknown>>;
    readonly paths: readonly string[];
    readonly base: Content | undefined;
    readonly baseLayers: readonly Descriptor[];
  }[];
}

type BuiltOne = BuiltImage['images'][number] & { readonly size: number };

/**
 * Builds an OCI image layout without a daemon: one layer per platform over a base that is given by digest, or from scratch. Equal
 * description, files and base give equal bytes; nothing of this machine enters.
 * @throws {HermeticBuildError} `IMAGE_INVALID`
 * @throws {OciError} when the base is not what its digest says
 */
export async function buildImage(image: ImageDescription, options: BuildImageOptions): Promise<BuiltImage> {
  const blobs = join(options.layoutPath, 'blobs/sha256');
  await mkdir(blobs, { recursive: true });
  const base = image.base === undefined ? undefined : await openBase(image.base, options.sourcePath);
  const images: BuiltOne[] = [];
  for (const platform of Object.keys(image.platforms).sort())
    images.push(await buildOne(image, platform, base, blobs, options));
  const descriptors = images.map(({ platform, digest, size }) => {
    const [os = '', architecture = '', variant] = platform.split('/');
    const own = { os, architecture, ...(variant === undefined ? {} : { variant }) };
    return { mediaType: OCI_MANIFEST, digest, size, platform: own };
  });
  const root = await rootOf(descriptors, blobs);
  await writeFile(
    join(options.layoutPath, 'index.json'),
    canonicalJson({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [root] }),
  );
  await writeFile(join(options.layoutPath, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  return { digest: root.digest, images };
}

async function rootOf(descriptors: readonly Descriptor[], blobs: string): Promise<Descriptor> {
  const [first, second] = descriptors;
  if (first !== undefined && second === undefined) return first;
  return await writeJson(blobs, OCI_INDEX, { schemaVersion: 2, mediaType: OCI_INDEX, manifests: descriptors });
}

async function openBase(
  { path, digest }: { readonly path: string; readonly digest: string },
  sourcePath: string,
): Promise<Content> {
  const folder = join(sourcePath, path);
  if (!isInside(folder, sourcePath)) throw invalidImage('its base lies outside of the source');
  return await openLayout(folder, { digest: parseDigest(digest) });
}

async function buildOne(
  image: ImageDescription,
  platform: string,
  base: Content | undefined,
  blobs: string,
  { filesPath, sourceDateEpoch }: BuildImageOptions,
): Promise<BuiltOne> {
  const partial = join(blobs, '.partial');
  const layer = await writeLayer(image.platforms[platform]?.files ?? [], filesPath, partial, sourceDateEpoch);
  await rename(partial, join(blobs, digestHex(layer.digest)));
  const below = base === undefined ? undefined : await baseFor(base, platform);
  const baseConfig = base === undefined || below === undefined ? undefined : await configOf(base, below);
  for (const descriptor of below?.layers ?? []) await copyBlob(base, descriptor, blobs);
  const config = imageConfig(image, platform, layer.digest, baseConfig, sourceDateEpoch);
  const own = { mediaType: OCI_LAYER, digest: layer.digest, size: layer.size };
  const descriptor = await writeJson(blobs, OCI_MANIFEST, {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: await writeJson(blobs, OCI_CONFIG, config),
    layers: [...(below?.layers ?? []), own],
  });
  const { digest, size } = descriptor;
  return { platform, digest, size, config, paths: layer.paths, base, baseLayers: below?.layers ?? [] };
}

async function baseFor(base: Content, platform: string): Promise<ImageManifest> {
  for (const manifest of base.manifests) {
    const found = await readPlatform(base, manifest);
    if (found !== undefined && manifest.kind === 'image' && platformText(found) === platform) return manifest;
  }
  throw invalidImage(`its base has no image for ${platform}`);
}

async function configOf(base: Content, { config }: ImageManifest): Promise<Readonly<Record<string, unknown>>> {
  return parseBaseConfig(await readBlob(blobOf(base, config), MAX_CONFIG_BYTES));
}

function blobOf(base: Content | undefined, { digest }: Descriptor) {
  const found = base?.blobs.find(({ descriptor }) => descriptor.digest === digest);
  if (found === undefined) throw invalidImage(`blob ${digest} of its base is missing`);
  return found;
}

async function copyBlob(base: Content | undefined, descriptor: Descriptor, blobs: string): Promise<void> {
  const path = join(blobs, digestHex(descriptor.digest));
  await rm(path, { force: true });
  await pipeline(blobOf(base, descriptor).open(), new VerifiedBlobStream(descriptor), createWriteStream(path));
}

async function writeJson(blobs: string, mediaType: string, document: unknown): Promise<Descriptor> {
  const bytes = Buffer.from(canonicalJson(document));
  const digest = sha256(bytes);
  await writeFile(join(blobs, digestHex(digest)), bytes);
  return { mediaType, digest, size: bytes.length };
}
