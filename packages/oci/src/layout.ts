import { constants } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Digest, digestHex } from '@paved/digest';
import { object, parseJson, refine, string } from '@paved/json';
import { type BlobSource, VerifiedBlobStream } from './blob-source.js';
import type { Descriptor } from './descriptor.js';
import { OciError } from './error.js';
import { type ImageIndex, MAX_MANIFEST_BYTES, type Manifest, parseManifest } from './manifest.js';
import { manifestKind, OCI_INDEX } from './media-type.js';

/** A layout whose every byte was checked when it was opened; manifests are kept in memory, blobs are read again when they are sent. */
export interface OciLayout {
  readonly path: string;
  readonly root: Manifest;
  /** `root` and everything below it, each once, children before the index that names them: the order of a push. */
  readonly manifests: readonly Manifest[];
  /** Configs and layers, each once. */
  readonly blobs: readonly BlobSource[];
}

export interface OpenLayoutOptions {
  /** Which manifest of `index.json` is meant; needed when it names several. */
  readonly digest?: Digest;
}

const MAX_DEPTH = 4;
const MAX_MANIFESTS = 4096;

const markerDecoder = object({
  imageLayoutVersion: refine(string, (version) => {
    if (!/^1\.[0-9]+\.[0-9]+$/.test(version)) throw new Error('only version 1 is supported');
    return version;
  }),
});

/**
 * Opens an OCI image layout directory (image-spec 1.1, "Image Layout") and verifies size, digest and media type of everything that
 * is reachable from one manifest of `index.json`. Only regular files in real directories count; nothing outside `path` is read.
 * @throws {OciError} `LAYOUT_INVALID`, `LAYOUT_DIGEST_MISMATCH`, `MANIFEST_AMBIGUOUS`, `MANIFEST_INVALID`
 */
export async function openLayout(path: string, options: OpenLayoutOptions = {}): Promise<OciLayout> {
  await assertDirectory(path, '.');
  await assertDirectory(path, 'blobs');
  const marker = await readRegular(path, 'oci-layout', 4096);
  rethrow('oci-layout', () => parseJson('"oci-layout"', marker.toString('utf8'), markerDecoder));
  const index = await readIndex(path);
  const walk = new LayoutWalk(path);
  const root = await walk.manifest(selectRoot(index, options.digest), 0);
  return { path, root, manifests: [...walk.manifests.values()], blobs: [...walk.blobs.values()] };
}

/** Reads `index.json` of a layout; it needs no `mediaType` of its own. */
async function readIndex(path: string): Promise<ImageIndex> {
  const bytes = await readRegular(path, 'index.json', MAX_MANIFEST_BYTES);
  const index = parseManifest(bytes, OCI_INDEX);
  if (index.kind !== 'index') throw invalid('index.json', 'it is not an index');
  return index;
}

function selectRoot(index: ImageIndex, digest: Digest | undefined): Descriptor {
  const candidates = index.manifests.filter((entry) => digest === undefined || entry.digest === digest);
  const [first, ...others] = candidates;
  if (first === undefined)
    throw invalid('index.json', digest === undefined ? 'it is empty' : `it does not name ${digest}`);
  if (others.some((other) => other.digest !== first.digest || other.mediaType !== first.mediaType)) {
    throw invalid('index.json', `it names ${candidates.length} manifests`, 'Say which one with its digest');
  }
  return first;
}

class LayoutWalk {
  readonly manifests = new Map<Digest, Manifest>();
  readonly blobs = new Map<Digest, BlobSource>();
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async manifest(descriptor: Descriptor, depth: number): Promise<Manifest> {
    const known = this.manifests.get(descriptor.digest);
    if (known !== undefined) {
      assertDescribes(descriptor, known);
      return known;
    }
    if (depth > MAX_DEPTH) throw invalid(descriptor.digest, `indexes are nested deeper than ${MAX_DEPTH}`);
    if (this.manifests.size >= MAX_MANIFESTS)
      throw invalid('index.json', `it has more than ${MAX_MANIFESTS} manifests`);
    if (manifestKind(descriptor.mediaType) === undefined) {
      throw invalid(descriptor.digest, `its media type ${JSON.stringify(descriptor.mediaType)} is no manifest's`);
    }
    const manifest = parseManifest(await this.#manifestBytes(descriptor), descriptor.mediaType);
    const parts = manifest.kind === 'index' ? manifest.manifests : [manifest.config, ...manifest.layers];
    for (const part of parts) {
      // In an index even an entry of unknown type is content that a puller may ask for by digest.
      if (manifest.kind === 'index') await this.manifest(part, depth + 1);
      else await this.#blob(part);
    }
    this.manifests.set(manifest.digest, manifest);
    return manifest;
  }

  async #manifestBytes(descriptor: Descriptor): Promise<Buffer> {
    const name = await blobName(this.#path, descriptor.digest);
    const bytes = await readRegular(this.#path, name, MAX_MANIFEST_BYTES);
    const stream = new VerifiedBlobStream(descriptor);
    await mismatchAsLayout(pipeline([bytes], stream.resume()));
    return bytes;
  }

  async #blob(descriptor: Descriptor): Promise<void> {
    const known = this.blobs.get(descriptor.digest);
    if (known !== undefined) {
      if (known.descriptor.size !== descriptor.size) throw invalid(descriptor.digest, 'it is named with two sizes');
      return;
    }
    const name = await blobName(this.#path, descriptor.digest);
    const handle = await openRegular(this.#path, name);
    await mismatchAsLayout(pipeline(handle.createReadStream(), new VerifiedBlobStream(descriptor).resume()));
    const source = {
      descriptor,
      open: () => Readable.from(readAgain(this.#path, name), { objectMode: false }),
    };
    this.blobs.set(descriptor.digest, source);
  }
}

function assertDescribes(descriptor: Descriptor, manifest: Manifest): void {
  if (descriptor.mediaType !== manifest.mediaType || descriptor.size !== manifest.bytes.length) {
    throw invalid(descriptor.digest, 'it is named with two media types or sizes');
  }
}

async function mismatchAsLayout(reading: Promise<void>): Promise<void> {
  try {
    await reading;
  } catch (cause) {
    if (!(cause instanceof OciError) || cause.code !== 'DIGEST_MISMATCH') throw cause;
    throw new OciError('LAYOUT_DIGEST_MISMATCH', cause.message, {
      hint: 'The layout was changed after it was built; build it again',
    });
  }
}

async function blobName(path: string, digest: Digest): Promise<string> {
  const directory = `blobs/${digest.slice(0, digest.indexOf(':'))}`;
  await assertDirectory(path, directory);
  return `${directory}/${digestHex(digest)}`;
}

async function assertDirectory(path: string, name: string): Promise<void> {
  // lstat: a link in place of `blobs` would let the layout reach files outside it.
  const stats = await lstat(join(path, name)).catch(() => undefined);
  if (stats?.isDirectory() !== true) throw invalid(name, 'it is missing or not a directory');
}

async function openRegular(path: string, name: string) {
  try {
    // O_NONBLOCK: opening a named pipe must not hang.
    const handle = await open(join(path, name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    if ((await handle.stat()).isFile()) return handle;
    await handle.close();
  } catch (cause) {
    throw new OciError('LAYOUT_INVALID', `Cannot read "${name}" of the layout: it is missing or a link`, { cause });
  }
  throw invalid(name, 'it is not a regular file');
}

async function readRegular(path: string, name: string, maxBytes: number): Promise<Buffer> {
  const handle = await openRegular(path, name);
  try {
    const { size } = await handle.stat();
    if (size > maxBytes) throw invalid(name, `it has ${size} bytes, the limit is ${maxBytes}`);
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

async function* readAgain(path: string, name: string): AsyncGenerator<Buffer> {
  const handle = await openRegular(path, name);
  yield* handle.createReadStream();
}

function rethrow<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new OciError('LAYOUT_INVALID', `Cannot read "${name}" of the layout`, { cause });
  }
}

function invalid(name: string, state: string, hint?: string): OciError {
  const options = hint === undefined ? {} : { hint };
  return new OciError('LAYOUT_INVALID', `Cannot read "${name}" of the layout: ${state}`, options);
}
