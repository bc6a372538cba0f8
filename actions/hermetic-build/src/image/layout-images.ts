import { parseJson, record, unknown } from '@paved/json';
import {
  type BlobSource,
  type Content,
  type Descriptor,
  type ImageManifest,
  platformText,
  readBlob,
  readPlatform,
} from '@paved/oci';
import { invalidImage } from './description.js';

export type ConfigFields = Readonly<Record<string, unknown>>;

export interface LayoutImage {
  /** `os/architecture[/variant]` */
  readonly platform: string;
  readonly manifest: ImageManifest;
  /** The whole config document. */
  readonly config: ConfigFields;
}

const MAX_CONFIG_BYTES = 4 * 1024 * 1024;

/** Every image of a layout with its config, in the order of its index. */
export async function imagesOfLayout(layout: Content): Promise<readonly LayoutImage[]> {
  const images: LayoutImage[] = [];
  for (const manifest of layout.manifests) {
    if (manifest.kind !== 'image') continue;
    const platform = await readPlatform(layout, manifest);
    if (platform === undefined) throw invalidImage('it holds something that is no image');
    const bytes = await readBlob(blobOf(layout, manifest.config), MAX_CONFIG_BYTES);
    const config = parseJson('the config of an image', bytes.toString('utf8'), record(unknown));
    images.push({ platform: platformText(platform), manifest, config });
  }
  return images;
}

export function blobOf(layout: Content, { digest }: Descriptor): BlobSource {
  const found = layout.blobs.find(({ descriptor }) => descriptor.digest === digest);
  if (found === undefined) throw invalidImage(`blob ${digest} is missing`);
  return found;
}

export function fieldsOf(value: unknown): ConfigFields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as ConfigFields) : {};
}
