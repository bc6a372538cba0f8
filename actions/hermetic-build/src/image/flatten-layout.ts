import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Digest, DigestStream, digestHex, sha256 } from '@paved/digest';
import { canonicalJson } from '@paved/json';
import { type Content, type Descriptor, OCI_INDEX, OCI_MANIFEST, openLayout } from '@paved/oci';
import { blobOf, imagesOfLayout, type LayoutImage } from './layout-images.js';
import { MergedTree, type TreeNode } from './merged-tree.js';
import { writeLayoutFiles } from './normalize-layout.js';
import { paddingOf } from './tar-entry.js';
import { readTar } from './tar-reader.js';
import { TAR_END, tarHeader } from './tar-writer.js';
import { unpackedLayer } from './unpacked-layer.js';

const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json';
const OCI_LAYER = 'application/vnd.oci.image.layer.v1.tar';

/**
 * Writes the images of a layout with one layer each: what a lower layer had and an upper one removed is in no byte of it. The config
 * keeps what a runtime reads (USER, ENV, WORKDIR, CMD, ENTRYPOINT, EXPOSE, VOLUME, STOPSIGNAL, LABEL, HEALTHCHECK). Names are sorted,
 * owners, modes, hard links and extended attributes kept, and no entry is newer than `sourceDateEpoch`.
 * @param target empty folder that becomes the layout
 * @param scratch folder for the contents of files, under numbers; removed at the end
 * @param sourceDateEpoch seconds
 * @throws {HermeticBuildError} `IMAGE_INVALID`
 */
export async function flattenLayout(
  source: string,
  target: string,
  scratch: string,
  sourceDateEpoch: number,
): Promise<Digest> {
  const layout = await openLayout(source);
  const blobs = join(target, 'blobs/sha256');
  await mkdir(blobs, { recursive: true });
  const flat: Descriptor[] = [];
  for (const image of await imagesOfLayout(layout)) {
    flat.push(await flattenImage(layout, image, { blobs, scratch, sourceDateEpoch }));
  }
  const [only, ...others] = flat;
  const isIndex = layout.root.kind === 'index' || only === undefined || others.length > 0;
  const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: flat };
  const root = isIndex ? await writeBlob(blobs, OCI_INDEX, index) : only;
  await writeLayoutFiles(target, { mediaType: root.mediaType, digest: root.digest, size: root.size });
  return root.digest;
}

interface FlattenOptions {
  readonly blobs: string;
  readonly scratch: string;
  readonly sourceDateEpoch: number;
}

async function flattenImage(layout: Content, image: LayoutImage, options: FlattenOptions): Promise<Descriptor> {
  const { blobs, scratch, sourceDateEpoch } = options;
  await mkdir(scratch);
  const tree = await mergeLayers(layout, image, scratch);
  const layer = await writeTree(tree, blobs, sourceDateEpoch);
  await rm(scratch, { recursive: true });
  const { rootfs: _layers, history: _history, ...kept } = image.config;
  const created = new Date(sourceDateEpoch * 1000).toISOString().replace('.000Z', 'Z');
  const config = await writeBlob(blobs, OCI_CONFIG, {
    ...kept,
    created,
    rootfs: { type: 'layers', diff_ids: [layer.digest] },
    history: [{ created, created_by: 'paved hermetic-build flatten' }],
  });
  const manifest = { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [layer] };
  const descriptor = await writeBlob(blobs, OCI_MANIFEST, manifest);
  const [os, architecture, variant] = image.platform.split('/');
  const platform = { os, architecture, ...(variant === undefined ? {} : { variant }) };
  return { ...descriptor, ...(layout.root.kind === 'index' ? { platform } : {}) };
}

/** Reads all layers once; each regular file goes into a file of its own, under a number. */
export async function mergeLayers(layout: Content, { manifest }: LayoutImage, scratch: string): Promise<MergedTree> {
  const tree = new MergedTree();
  let count = 0;
  for (const layer of manifest.layers) {
    tree.startLayer();
    for await (const entry of readTar(unpackedLayer(blobOf(layout, layer)))) {
      const { content, ...header } = entry;
      if (entry.type !== 'file') tree.add(header);
      else {
        const path = join(scratch, String(count++));
        await pipeline(Readable.from(content), createWriteStream(path, { mode: 0o600 }));
        tree.add(header, path);
      }
    }
  }
  return tree;
}

async function writeTree(tree: MergedTree, blobs: string, sourceDateEpoch: number): Promise<Descriptor> {
  const hashing = new DigestStream();
  const partial = join(blobs, '.partial');
  await pipeline(
    Readable.from(tarBytes(tree.entries(), sourceDateEpoch), { objectMode: false }),
    hashing,
    createWriteStream(partial),
  );
  await rename(partial, join(blobs, digestHex(hashing.digest)));
  return { mediaType: OCI_LAYER, digest: hashing.digest, size: hashing.size };
}

/**
 * The entries as one tar, nothing in it newer than `sourceDateEpoch`.
 * @param entries a folder before what is in it, each file with the place of its bytes
 */
export async function* tarBytes(
  entries: Iterable<readonly [string, TreeNode]>,
  sourceDateEpoch: number,
): AsyncGenerator<Buffer> {
  const written = new Map<TreeNode, string>();
  for (const [path, node] of entries) {
    const { entry, content } = node;
    const name = entry.type === 'directory' ? `${path.slice(1)}/` : path.slice(1);
    const first = written.get(node);
    const time = { mtime: Math.max(0, Math.min(entry.mtime, sourceDateEpoch)) };
    if (first !== undefined) {
      yield tarHeader({ ...entry, ...time, name, type: 'hardlink', linkname: first, size: 0, xattrs: new Map() });
      continue;
    }
    written.set(node, name);
    yield tarHeader({ ...entry, ...time, name });
    if (content === undefined) continue;
    for await (const chunk of createReadStream(content)) yield chunk as Buffer;
    yield Buffer.alloc(paddingOf(entry.size));
  }
  yield TAR_END;
}

async function writeBlob(blobs: string, mediaType: string, document: unknown): Promise<Descriptor> {
  const bytes = Buffer.from(canonicalJson(document));
  const digest = sha256(bytes);
  await writeFile(join(blobs, digestHex(digest)), bytes);
  return { mediaType, digest, size: bytes.length };
}
