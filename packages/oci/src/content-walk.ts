import type { Digest } from '@paved/digest';
import type { BlobSource } from './blob-source.js';
import type { Content } from './content.js';
import type { Descriptor } from './descriptor.js';
import { invalid } from './layout-store.js';
import { type Manifest, parseManifest } from './manifest.js';
import { manifestKind } from './media-type.js';

/** Where content comes from; each throws unless what is there is what the descriptor says. */
export interface ContentReader {
  manifestBytes(descriptor: Descriptor): Promise<Buffer>;
  blob(descriptor: Descriptor): Promise<BlobSource>;
}

const MAX_DEPTH = 4;
const MAX_MANIFESTS = 4096;
/** Manifests stay in memory: 4096 of the largest would be 16 GiB. */
const MAX_MANIFEST_BYTES_IN_ALL = 64 * 1024 * 1024;
/** As many as an archive may have members; each costs a request where it is pushed or copied. */
const MAX_BLOBS = 20_000;

/**
 * Everything that is reachable from `root`.
 * @throws {OciError} `LAYOUT_INVALID` for content named with two sizes or media types, for indexes that are nested too deep, and for more
 *   manifests or blobs than any image has
 */
export async function walkContent(reader: ContentReader, root: Descriptor): Promise<Content> {
  const walk = new ContentWalk(reader);
  const manifest = await walk.manifest(root, 0);
  return { root: manifest, manifests: [...walk.manifests.values()], blobs: [...walk.blobs.values()] };
}

class ContentWalk {
  readonly manifests = new Map<Digest, Manifest>();
  readonly blobs = new Map<Digest, BlobSource>();
  readonly #reader: ContentReader;
  #bytes = 0;

  constructor(reader: ContentReader) {
    this.#reader = reader;
  }

  async manifest(descriptor: Descriptor, depth: number): Promise<Manifest> {
    const known = this.manifests.get(descriptor.digest);
    if (known !== undefined) {
      assertDescribes(descriptor, known);
      return known;
    }
    if (depth > MAX_DEPTH) throw invalid(descriptor.digest, `indexes are nested deeper than ${MAX_DEPTH}`);
    if (this.manifests.size >= MAX_MANIFESTS) {
      throw invalid('index.json', `it has more than ${MAX_MANIFESTS} manifests`);
    }
    if (manifestKind(descriptor.mediaType) === undefined) {
      throw invalid(descriptor.digest, `its media type ${JSON.stringify(descriptor.mediaType)} is no manifest's`);
    }
    this.#bytes += descriptor.size;
    if (this.#bytes > MAX_MANIFEST_BYTES_IN_ALL) {
      throw invalid('index.json', `its manifests have more than ${MAX_MANIFEST_BYTES_IN_ALL} bytes together`);
    }
    const manifest = parseManifest(await this.#reader.manifestBytes(descriptor), descriptor.mediaType);
    const parts = manifest.kind === 'index' ? manifest.manifests : [manifest.config, ...manifest.layers];
    for (const part of parts) {
      // In an index even an entry of unknown type is content that a puller may ask for by digest.
      if (manifest.kind === 'index') await this.manifest(part, depth + 1);
      else await this.#blob(part);
    }
    this.manifests.set(manifest.digest, manifest);
    return manifest;
  }

  async #blob(descriptor: Descriptor): Promise<void> {
    const known = this.blobs.get(descriptor.digest);
    if (known === undefined) {
      if (this.blobs.size >= MAX_BLOBS) throw invalid('index.json', `it has more than ${MAX_BLOBS} blobs`);
      this.blobs.set(descriptor.digest, await this.#reader.blob(descriptor));
    } else if (known.descriptor.size !== descriptor.size) {
      throw invalid(descriptor.digest, 'it is named with two sizes');
    }
  }
}

function assertDescribes(descriptor: Descriptor, manifest: Manifest): void {
  if (descriptor.mediaType !== manifest.mediaType || descriptor.size !== manifest.bytes.length) {
    throw invalid(descriptor.digest, 'it is named with two media types or sizes');
  }
}
