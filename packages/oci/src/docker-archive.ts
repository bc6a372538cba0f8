import { createHash } from 'node:crypto';
import { type Digest, parseDigest } from '@paved/digest';
import { array, canonicalJson, type Decoder, object, parseJson, refine, string } from '@paved/json';
import type { BlobSource } from './blob-source.js';
import { describeBytes } from './build-manifest.js';
import { assertBlobMatches, type Content } from './content.js';
import type { Descriptor } from './descriptor.js';
import { OciError } from './error.js';
import { invalid, type LayoutStore } from './layout-store.js';
import { MAX_MANIFEST_BYTES, parseManifest } from './manifest.js';
import { OCI_CONFIG, OCI_LAYER, OCI_LAYER_GZIP, OCI_LAYER_ZSTD, OCI_MANIFEST } from './media-type.js';

export interface OpenDockerArchiveOptions {
  /** Which image is meant; needed when there are several. Compared with the digest of the manifest that is built. */
  readonly digest: Digest | undefined;
  /** Whether layers whose digest stands in the config are read and compared now, instead of when they are sent. */
  readonly hashed: boolean;
}

const MANIFEST = 'manifest.json';
const MAX_IMAGES = 64;
const manifestDecoder = array(object({ Config: string, Layers: array(string) }));
const configDecoder = object({ rootfs: object({ diff_ids: array(refine(string, parseDigest)) }) });

type DockerImage = ReturnType<typeof manifestDecoder>[number];

/**
 * Reads the archive of `docker save` as an OCI image: config and layers are sent with the bytes and the compression that they have in
 * the archive, under a manifest that is canonical JSON, so that equal archives give equal digests. An uncompressed layer's digest is
 * its `diff_id`; a compressed one is read once to learn its digest.
 * @throws {OciError} `LAYOUT_INVALID`, `LAYOUT_DIGEST_MISMATCH`
 */
export async function openDockerArchive(store: LayoutStore, options: OpenDockerArchiveOptions): Promise<Content> {
  const images = decode(MANIFEST, await store.read(MANIFEST, MAX_MANIFEST_BYTES), manifestDecoder);
  if (images.length === 0 || images.length > MAX_IMAGES) throw invalid(MANIFEST, `it names ${images.length} images`);
  if (images.length > 1 && options.digest === undefined) {
    throw invalid(MANIFEST, `it names ${images.length} images`, 'Save one image, or say which one with its digest');
  }
  for (const image of images) {
    const content = await openImage(store, image, options.hashed);
    if (images.length === 1 || content.root.digest === options.digest) return content;
  }
  throw invalid(MANIFEST, `it names no image whose manifest is ${options.digest}`);
}

async function openImage(store: LayoutStore, image: DockerImage, hashed: boolean): Promise<Content> {
  const configBytes = await store.read(memberName(image.Config), MAX_MANIFEST_BYTES);
  const { rootfs } = decode(image.Config, configBytes, configDecoder);
  const config = describeBytes(OCI_CONFIG, configBytes);
  assertNamedDigest(image.Config, config.digest);
  if (rootfs.diff_ids.length !== image.Layers.length) {
    throw invalid(image.Config, `it has ${rootfs.diff_ids.length} layers, ${MANIFEST} has ${image.Layers.length}`);
  }
  const layers: BlobSource[] = [];
  for (const [position, name] of image.Layers.entries()) {
    const layer = await openLayer(store, memberName(name), rootfs.diff_ids[position] as Digest);
    if (hashed) await assertBlobMatches(layer);
    layers.push(layer);
  }
  const document = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config,
    layers: layers.map((layer) => layer.descriptor),
  };
  const root = parseManifest(Buffer.from(canonicalJson(document)), OCI_MANIFEST);
  const source = { descriptor: config, open: () => store.open(image.Config) };
  const blobs = new Map([source, ...layers].map((blob) => [blob.descriptor.digest, blob]));
  return { root, manifests: [root], blobs: [...blobs.values()] };
}

async function openLayer(store: LayoutStore, name: string, diffId: Digest): Promise<BlobSource> {
  const open = () => store.open(name);
  const mediaType = await layerType(store, name);
  const size = await store.size(name);
  const digest = mediaType === OCI_LAYER ? diffId : await digestOf(store, name);
  const descriptor: Descriptor = { mediaType, digest, size };
  return { descriptor, open, range: () => store.range(name) };
}

async function layerType(store: LayoutStore, name: string): Promise<string> {
  const stream = store.open(name);
  for await (const chunk of stream) {
    const start = chunk as Buffer;
    // Leaving the loop closes the stream.
    if (start[0] === 0x1f && start[1] === 0x8b) return OCI_LAYER_GZIP;
    return start.length >= 4 && start.readUInt32BE(0) === 0x28b52ffd ? OCI_LAYER_ZSTD : OCI_LAYER;
  }
  throw invalid(name, 'it is empty');
}

async function digestOf(store: LayoutStore, name: string): Promise<Digest> {
  const hash = createHash('sha256');
  for await (const chunk of store.open(name)) hash.update(chunk as Buffer);
  return parseDigest(`sha256:${hash.digest('hex')}`);
}

/** Newer archives name the config after its digest; then it has to be true. */
function assertNamedDigest(name: string, digest: Digest): void {
  const claimed = /(?:^|\/)([0-9a-f]{64})(?:\.json)?$/.exec(name)?.[1];
  if (claimed === undefined || digest === `sha256:${claimed}`) return;
  throw new OciError('LAYOUT_DIGEST_MISMATCH', `Cannot accept config "${name.slice(0, 120)}": it is ${digest}`, {
    hint: 'The archive was changed after it was saved; save it again',
  });
}

/** The name of a member as it stands: an archive has no member outside itself. */
function memberName(name: string): string {
  if (name === '' || name === MANIFEST) throw invalid(MANIFEST, 'it names no file');
  return name;
}

function decode<T>(name: string, bytes: Buffer, decoder: Decoder<T>): T {
  try {
    return parseJson(name, bytes.toString('utf8'), decoder);
  } catch (cause) {
    throw new OciError('LAYOUT_INVALID', `Cannot read ${JSON.stringify(name.slice(0, 120))} of the layout`, {
      cause,
      hint: 'Write the layout again with the tool that built it, and pass it without changes',
    });
  }
}
