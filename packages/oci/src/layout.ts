import { stat } from 'node:fs/promises';
import { type Digest, digestHex } from '@paved/digest';
import { object, parseJson, refine, string } from '@paved/json';
import { type BlobSource, bytesSource } from './blob-source.js';
import { assertBlobMatches, type Content, REBUILD_HINT } from './content.js';
import type { Descriptor } from './descriptor.js';
import { openDockerArchive } from './docker-archive.js';
import { OciError } from './error.js';
import { DirectoryStore, invalid, type LayoutStore } from './layout-store.js';
import { type ImageIndex, MAX_MANIFEST_BYTES, type Manifest, parseManifest } from './manifest.js';
import { manifestKind, OCI_INDEX } from './media-type.js';
import { type TarLimits, TarStore } from './tar-store.js';

/** A layout whose structure was checked when it was opened, and by default every byte. */
export interface OciLayout extends Content {
  readonly path: string;
}

export interface OpenLayoutOptions {
  /** Which manifest of `index.json` is meant; needed when it names several. */
  readonly digest?: Digest | undefined;
  /**
   * `hashed` (default): every byte is read and compared now. `when-read`: blobs are only measured now and hashed by who reads
   * them; enough for a push, which holds back the last bytes until the digest is right.
   */
  readonly blobs?: 'hashed' | 'when-read';
  readonly limits?: TarLimits;
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
 * Opens an OCI image layout (image-spec 1.1, "Image Layout"), as a folder or as an uncompressed tar of one, or the archive that
 * `docker save` writes where it holds no layout. Size and media type of everything that is reachable from one manifest are checked.
 * Only regular files in real directories count; nothing outside `path` is read, and an archive is never unpacked.
 * @throws {OciError} `LAYOUT_INVALID`, `LAYOUT_DIGEST_MISMATCH`, `MANIFEST_AMBIGUOUS`, `MANIFEST_INVALID`
 */
export async function openLayout(path: string, options: OpenLayoutOptions = {}): Promise<OciLayout> {
  const store = await openStore(path, options.limits);
  const hashed = options.blobs !== 'when-read';
  if (store instanceof TarStore && !(await store.has('oci-layout'))) {
    return { path, ...(await openDockerArchive(store, { digest: options.digest, hashed })) };
  }
  const marker = await store.read('oci-layout', 4096);
  rethrow('oci-layout', () => parseJson('"oci-layout"', marker.toString('utf8'), markerDecoder));
  const walk = new LayoutWalk(store, hashed);
  const root = await walk.manifest(selectRoot(await readIndex(store), options.digest), 0);
  return { path, root, manifests: [...walk.manifests.values()], blobs: [...walk.blobs.values()] };
}

async function openStore(path: string, limits: TarLimits | undefined): Promise<LayoutStore> {
  const stats = await stat(path).catch(() => undefined);
  if (stats === undefined) throw invalid('.', 'it is missing');
  return stats.isDirectory() ? new DirectoryStore(path) : await TarStore.open(path, limits);
}

/** Reads `index.json` of a layout; it needs no `mediaType` of its own. */
async function readIndex(store: LayoutStore): Promise<ImageIndex> {
  const index = parseManifest(await store.read('index.json', MAX_MANIFEST_BYTES), OCI_INDEX);
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
  readonly #store: LayoutStore;
  readonly #hashed: boolean;

  constructor(store: LayoutStore, hashed: boolean) {
    this.#store = store;
    this.#hashed = hashed;
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
    const bytes = await this.#store.read(blobName(descriptor.digest), MAX_MANIFEST_BYTES);
    await assertBlobMatches(bytesSource(descriptor, bytes));
    return bytes;
  }

  async #blob(descriptor: Descriptor): Promise<void> {
    const known = this.blobs.get(descriptor.digest);
    if (known !== undefined) {
      if (known.descriptor.size !== descriptor.size) throw invalid(descriptor.digest, 'it is named with two sizes');
      return;
    }
    const name = blobName(descriptor.digest);
    const size = await this.#store.size(name);
    if (size !== descriptor.size) throw otherSize(descriptor, size);
    const source = { descriptor, open: () => this.#store.open(name) };
    if (this.#hashed) await assertBlobMatches(source);
    this.blobs.set(descriptor.digest, source);
  }
}

function assertDescribes(descriptor: Descriptor, manifest: Manifest): void {
  if (descriptor.mediaType !== manifest.mediaType || descriptor.size !== manifest.bytes.length) {
    throw invalid(descriptor.digest, 'it is named with two media types or sizes');
  }
}

function otherSize({ digest, size }: Descriptor, found: number): OciError {
  return new OciError(
    'LAYOUT_DIGEST_MISMATCH',
    `Cannot accept blob ${digest}: it has ${found} bytes, expected ${size}`,
    {
      hint: REBUILD_HINT,
    },
  );
}

function blobName(digest: Digest): string {
  return `blobs/${digest.slice(0, digest.indexOf(':'))}/${digestHex(digest)}`;
}

function rethrow<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new OciError('LAYOUT_INVALID', `Cannot read "${name}" of the layout`, { cause });
  }
}
