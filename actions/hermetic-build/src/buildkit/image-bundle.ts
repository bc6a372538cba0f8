import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Digest, digestHex, sha256 } from '@paved/digest';
import type { HttpClient } from '@paved/http';
import { array, object, optional, parseJson, string } from '@paved/json';
import {
  type BlobSource,
  type Descriptor,
  descriptorDecoder,
  type ImageManifest,
  MAX_MANIFEST_BYTES,
  type Manifest,
  parseManifest,
  type Reference,
  RegistryClient,
  type RepositoryClient,
  referenceText,
  VerifiedBlobStream,
} from '@paved/oci';
import { HermeticBuildError } from '../error.js';
import { platformParts } from './expand.js';

/** Folder of the bundle that is an OCI image layout, apart from its index.json, which nobody needs. */
export const IMAGES_FOLDER = 'images';

const MAX_IMAGE_BYTES = 16 * 1024 ** 3;
const indexPlatforms = object({
  manifests: array(object({ platform: optional(object({ os: string, architecture: string })) })),
});

/** An image by digest, and the platforms that are wanted of it. */
export interface WantedImage {
  readonly reference: Reference & { readonly digest: Digest };
  readonly platforms: readonly string[];
}

/** What one image is made of, for the platforms that were wanted. */
export interface ImageParts {
  readonly root: Manifest;
  readonly images: readonly ImageManifest[];
  /** Bytes of all its blobs together. */
  readonly size: number;
}

/**
 * Downloads an image into the layout, each blob under its digest, and only if it has it. Of an index only the platforms that are
 * wanted come along.
 * @throws {HermeticBuildError} `IMAGE_INVALID`
 * @throws {OciError} what the registry answers, `DIGEST_MISMATCH` when it answers with other bytes
 */
export async function fetchImage(image: WantedImage, http: HttpClient, bundlePath: string): Promise<ImageParts> {
  const { reference } = image;
  const client = new RegistryClient({ registry: reference.registry, http });
  const repository = client.repository(reference.repository);
  const blobs = join(bundlePath, IMAGES_FOLDER, 'blobs/sha256');
  await mkdir(blobs, { recursive: true });
  return await walkImage(image, {
    async manifest(digest) {
      const pulled = await repository.pullManifest(digest);
      if (pulled === undefined) throw missing(image, digest);
      await place(blobs, digest, [pulled.manifest.bytes]);
      return pulled.manifest;
    },
    blob: (descriptor) => storeBlob(repository, descriptor, blobs),
  });
}

/** The digest that a reference without one stands for now. @throws {HermeticBuildError} `IMAGE_INVALID` when there is none */
export async function resolveDigest(reference: Reference, http: HttpClient): Promise<Digest> {
  const client = new RegistryClient({ registry: reference.registry, http });
  const tag = reference.tag ?? ('latest' as NonNullable<Reference['tag']>);
  const pulled = await client.repository(reference.repository).pullManifest(tag);
  if (pulled !== undefined) return pulled.manifest.digest;
  throw new HermeticBuildError(
    'IMAGE_INVALID',
    `Cannot resolve "${referenceText(reference)}": there is no such image`,
    { hint: 'Check name and digest of the image, and sign in where its registry is private' },
  );
}

/**
 * Reads an image out of the bundle and hashes every blob of it again: what the build takes is what was fetched.
 * @throws {HermeticBuildError} `BUNDLE_INCOMPLETE`, `INTEGRITY_MISMATCH`
 */
export async function openBundledImage(image: WantedImage, bundlePath: string): Promise<ImageParts> {
  return await walkImage(image, {
    async manifest(digest, mediaType) {
      const path = blobPath(bundlePath, digest);
      const bytes = await readFile(path).catch(() => {
        throw notFetched(image, digest);
      });
      if (sha256(bytes) !== digest) throw changed(image, digest);
      return parseManifest(bytes, mediaType ?? mediaTypeOf(bytes));
    },
    async blob(descriptor) {
      const path = blobPath(bundlePath, descriptor.digest);
      const info = await stat(path).catch(() => undefined);
      if (info === undefined) throw notFetched(image, descriptor.digest);
      await pipeline(createReadStream(path), new VerifiedBlobStream(descriptor).resume()).catch(() => {
        throw changed(image, descriptor.digest);
      });
    },
  });
}

/** A blob of the bundle as the code of layouts reads it. */
export function bundledBlob(bundlePath: string, descriptor: Descriptor): BlobSource {
  return { descriptor, open: () => createReadStream(blobPath(bundlePath, descriptor.digest)) };
}

function blobPath(bundlePath: string, digest: Digest): string {
  return join(bundlePath, IMAGES_FOLDER, 'blobs/sha256', digestHex(digest));
}

interface Reader {
  manifest(digest: Digest, mediaType?: string): Promise<Manifest>;
  blob(descriptor: Descriptor): Promise<void>;
}

async function walkImage(image: WantedImage, reader: Reader): Promise<ImageParts> {
  const root = await reader.manifest(image.reference.digest);
  const images = await imagesOf(root, image, reader);
  const blobs = new Map(images.flatMap(({ config, layers }) => [config, ...layers]).map((part) => [part.digest, part]));
  const size = [...blobs.values()].reduce((sum, part) => sum + part.size, root.bytes.length);
  if (size > MAX_IMAGE_BYTES) throw invalid(image, `it has more than ${MAX_IMAGE_BYTES} bytes`);
  for (const descriptor of blobs.values()) await reader.blob(descriptor);
  return { root, images, size };
}

async function imagesOf(root: Manifest, image: WantedImage, reader: Reader): Promise<readonly ImageManifest[]> {
  if (root.kind === 'image') return [root];
  const { manifests } = parseJson('an index', root.bytes.toString('utf8'), indexPlatforms);
  const chosen = new Set<Descriptor>();
  for (const wanted of image.platforms) {
    const [os, architecture] = platformParts(wanted);
    // All variants: which of them fits is for BuildKit to say.
    const fitting = root.manifests.filter((_, position) => {
      const own = manifests[position]?.platform;
      return own?.os === os && own.architecture === architecture;
    });
    if (fitting.length === 0) throw invalid(image, `it has no image for ${wanted}`);
    for (const descriptor of fitting) chosen.add(descriptor);
  }
  const images: ImageManifest[] = [];
  for (const { digest, mediaType } of chosen) {
    const manifest = await reader.manifest(digest, mediaType);
    if (manifest.kind !== 'image') throw invalid(image, 'its index names another index');
    images.push(manifest);
  }
  return images;
}

async function storeBlob(repository: RepositoryClient, descriptor: Descriptor, blobs: string): Promise<void> {
  const known = await stat(join(blobs, digestHex(descriptor.digest))).catch(() => undefined);
  if (known?.size === descriptor.size) return;
  await place(blobs, descriptor.digest, await repository.pullBlob(descriptor));
}

async function place(blobs: string, digest: Digest, bytes: AsyncIterable<Buffer> | Iterable<Buffer>): Promise<void> {
  const part = join(blobs, `.${digestHex(digest)}.part`);
  try {
    await pipeline(bytes, createWriteStream(part, { mode: 0o600 }));
    await rename(part, join(blobs, digestHex(digest)));
  } finally {
    await rm(part, { force: true });
  }
}

/** A root manifest that was fetched by digest says its own type; Docker's needs not, and OCI's says so in practice. */
function mediaTypeOf(bytes: Buffer): string {
  const { mediaType, manifests } = parseJson(
    'a manifest',
    bytes.subarray(0, MAX_MANIFEST_BYTES).toString('utf8'),
    object({ mediaType: optional(string), manifests: optional(array(descriptorDecoder)) }),
  );
  const kind = manifests === undefined ? 'manifest' : 'index';
  return mediaType ?? `application/vnd.oci.image.${kind}.v1+json`;
}

function invalid({ reference }: WantedImage, state: string): HermeticBuildError {
  return new HermeticBuildError('IMAGE_INVALID', `Cannot use image "${referenceText(reference)}": ${state}`, {
    hint: 'Name an image that the registry holds for the platforms of the build, by its digest',
  });
}

function missing(image: WantedImage, digest: Digest): HermeticBuildError {
  return invalid(image, `its registry does not have ${digest}`);
}

function notFetched({ reference }: WantedImage, digest: Digest): HermeticBuildError {
  return new HermeticBuildError(
    'BUNDLE_INCOMPLETE',
    `Cannot build: ${digest} of image "${referenceText(reference)}" is not in the bundle`,
    { hint: 'Run the fetch phase over the same Dockerfile, platforms and build-args' },
  );
}

function changed({ reference }: WantedImage, digest: Digest): HermeticBuildError {
  return new HermeticBuildError(
    'INTEGRITY_MISMATCH',
    `Cannot build: ${digest} of image "${referenceText(reference)}" was changed after it was fetched`,
    { hint: 'Find out which step wrote into the bundle' },
  );
}
