import { rm, stat } from 'node:fs/promises';
import { type Digest, digestHex } from '@paved/digest';
import { object, parseJson, refine, string } from '@paved/json';
import { bytesSource } from './blob-source.js';
import { assertBlobMatches, type Content, REBUILD_HINT } from './content.js';
import { type ContentReader, walkContent } from './content-walk.js';
import type { Descriptor } from './descriptor.js';
import { openDockerArchive } from './docker-archive.js';
import { OciError } from './error.js';
import { DirectoryStore, invalid, type LayoutStore } from './layout-store.js';
import { type ImageIndex, MAX_MANIFEST_BYTES, parseManifest } from './manifest.js';
import { OCI_INDEX } from './media-type.js';
import { type SpoolOptions, spoolArchive } from './spool-archive.js';
import { type TarLimits, TarStore } from './tar-store.js';

/** A layout whose structure was checked when it was opened, and by default every byte. */
export interface OciLayout extends Content {
  /** What was given, or the plain archive that was made of it. */
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
  /** Where a compressed archive is decompressed; without it one is refused. */
  readonly spool?: SpoolOptions;
}

const markerDecoder = object({
  imageLayoutVersion: refine(string, (version) => {
    if (!/^1\.[0-9]+\.[0-9]+$/.test(version)) throw new Error('only version 1 is supported');
    return version;
  }),
});

/**
 * Opens an OCI image layout (image-spec 1.1, "Image Layout"), as a folder or as a tar of one, or the archive that `docker save` writes
 * where it holds no layout; with `spool` also a tar that is compressed. Size and media type of everything that is reachable from one manifest are checked.
 * Only regular files in real directories count; nothing outside `path` is read, and an archive is never unpacked.
 * @throws {OciError} `LAYOUT_INVALID`, `LAYOUT_DIGEST_MISMATCH`, `MANIFEST_AMBIGUOUS`, `MANIFEST_INVALID`, and those of
 *   {@link spoolArchive}
 */
export async function openLayout(given: string, options: OpenLayoutOptions = {}): Promise<OciLayout> {
  const path = await plainPath(given, options.spool);
  try {
    return await openPlain(path, options);
  } catch (error) {
    if (path !== given) await rm(path, { force: true });
    throw error;
  }
}

async function openPlain(path: string, options: OpenLayoutOptions): Promise<OciLayout> {
  const store = await openStore(path, options.limits);
  const hashed = options.blobs !== 'when-read';
  if (store instanceof TarStore && !(await store.has('oci-layout'))) {
    return { path, ...(await openDockerArchive(store, { digest: options.digest, hashed })) };
  }
  const marker = await store.read('oci-layout', 4096);
  rethrow('oci-layout', () => parseJson('"oci-layout"', marker.toString('utf8'), markerDecoder));
  const root = selectRoot(await readIndex(store), options.digest);
  return { path, ...(await walkContent(layoutReader(store, hashed), root)) };
}

async function plainPath(path: string, spool: SpoolOptions | undefined): Promise<string> {
  const stats = spool === undefined ? undefined : await stat(path).catch(() => undefined);
  if (spool === undefined || stats?.isFile() !== true) return path;
  return (await spoolArchive(path, spool)) ?? path;
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

function layoutReader(store: LayoutStore, hashed: boolean): ContentReader {
  return {
    async manifestBytes(descriptor) {
      const bytes = await store.read(blobName(descriptor.digest), MAX_MANIFEST_BYTES);
      await assertBlobMatches(bytesSource(descriptor, bytes));
      return bytes;
    },
    async blob(descriptor) {
      const name = blobName(descriptor.digest);
      const size = await store.size(name);
      if (size !== descriptor.size) throw otherSize(descriptor, size);
      const source = { descriptor, open: () => store.open(name), range: () => store.range(name) };
      if (hashed) await assertBlobMatches(source);
      return source;
    },
  };
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
    throw new OciError('LAYOUT_INVALID', `Cannot read "${name}" of the layout`, {
      cause,
      hint: 'Write the layout again with the tool that built it, and pass it without changes',
    });
  }
}
