import type { Digest } from '@paved/digest';
import { canonicalJson } from '@paved/json';
import type { BlobSource } from './blob-source.js';
import type { Content } from './content.js';
import type { Descriptor } from './descriptor.js';
import { OciError } from './error.js';
import { MAX_MANIFEST_BYTES, type Manifest, manifestDescriptor, parseManifest } from './manifest.js';
import { OCI_INDEX } from './media-type.js';
import { isRunnable, type Platform, platformText, readPlatform } from './platform.js';

export interface BuildIndexOptions {
  readonly annotations?: Readonly<Record<string, string>>;
}

interface Entry {
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
  readonly platform: Platform;
}

/**
 * Builds one multi-platform index (image-spec 1.1, "Image Index") over the images of `parts`, in their order. Each platform is read
 * from the image's own config; a part that is an index gives its images. Equal parts give equal bytes.
 * @throws {OciError} `LAYOUT_INVALID` for two images of one platform, for an artifact without a platform, and for nested indexes
 */
export async function buildIndex(parts: readonly Content[], options: BuildIndexOptions = {}): Promise<Content> {
  const entries = (await Promise.all(parts.map(entriesOf))).flat();
  assertDistinct(entries);
  const annotations = options.annotations ?? {};
  const document = {
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: entries.map(({ descriptor, platform }) => ({ ...descriptor, platform })),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  };
  const bytes = Buffer.from(canonicalJson(document));
  if (bytes.length > MAX_MANIFEST_BYTES) throw invalidIndex(`it would have ${bytes.length} bytes`);
  const root = parseManifest(bytes, OCI_INDEX);
  const children = new Map(entries.map(({ manifest }) => [manifest.digest, manifest]));
  return { root, manifests: [...children.values(), root], blobs: uniqueBlobs(parts) };
}

async function entriesOf(part: Content): Promise<readonly Entry[]> {
  const { root } = part;
  const descriptors = root.kind === 'index' ? root.manifests : [manifestDescriptor(root)];
  return await Promise.all(descriptors.map((descriptor) => entryOf(part, descriptor)));
}

async function entryOf(part: Content, descriptor: Descriptor): Promise<Entry> {
  const manifest = part.manifests.find(({ digest }) => digest === descriptor.digest);
  const platform = manifest === undefined ? undefined : await readPlatform(part, manifest);
  if (manifest === undefined || platform === undefined) {
    throw invalidIndex(`${descriptor.digest} is no image with a platform`);
  }
  return { descriptor, manifest, platform };
}

function assertDistinct(entries: readonly Entry[]): void {
  const seen = new Map<string, Digest>();
  for (const { platform, manifest } of entries.filter((entry) => isRunnable(entry.platform))) {
    const name = [platformText(platform), platform['os.version'] ?? ''].join(' ').trim();
    const other = seen.get(name);
    if (other !== undefined) throw invalidIndex(`${other} and ${manifest.digest} are both for ${name}`);
    seen.set(name, manifest.digest);
  }
  if (seen.size === 0) throw invalidIndex('there is no image that runs on anything');
}

function uniqueBlobs(parts: readonly Content[]): readonly BlobSource[] {
  const blobs = new Map<Digest, BlobSource>();
  for (const source of parts.flatMap((part) => part.blobs)) {
    const known = blobs.get(source.descriptor.digest);
    if (known !== undefined && known.descriptor.size !== source.descriptor.size) {
      throw invalidIndex(`${source.descriptor.digest} is named with two sizes`);
    }
    blobs.set(source.descriptor.digest, known ?? source);
  }
  return [...blobs.values()];
}

function invalidIndex(state: string): OciError {
  return new OciError('LAYOUT_INVALID', `Cannot build an index of several layouts: ${state}`, {
    hint: 'Give one layout per platform, each with an image that was built for it',
  });
}
