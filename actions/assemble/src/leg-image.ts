import { join, relative, resolve, sep } from 'node:path';
import type { PlatformLeg } from '@paved/handoff/legs';
import { type Content, type Manifest, openLayout, type Platform, platformText, readPlatform } from '@paved/oci';
import { AssembleError } from './error.js';

export interface LegPlace {
  /** Folder of the leg. */
  readonly folder: string;
  /** As the caller names it: relative to `folder`. */
  readonly layout: string;
  /** Where a compressed archive is decompressed. */
  readonly workDir: string;
}

/**
 * Opens what a leg built and gives its one image. A leg speaks for its own platform alone: whatever else its machine brings would be
 * released in the name of a machine that did not build it.
 * @throws {AssembleError} `LEG_LAYOUT_OUTSIDE`, `LEG_FOREIGN_IMAGE`, `LEG_PLATFORM_WRONG`
 * @throws {OciError} what is wrong with the layout; blobs are hashed by who reads them
 */
export async function openLegImage({ platform }: PlatformLeg, place: LegPlace): Promise<Content> {
  const spool = { folder: async () => place.workDir };
  const content = await openLayout(layoutPath(platform, place), { blobs: 'when-read', spool });
  const image = onlyImage(platform, content);
  const found = await readPlatform(content, image);
  const text = found === undefined ? 'no image' : `for ${platformText(found)}`;
  if (found === undefined || ordinary(found) !== ordinary(platform)) {
    throw new AssembleError('LEG_PLATFORM_WRONG', `Cannot take the image of ${platform}: it is ${text}`, {
      hint: `Build for ${platform} on its own machine; the platform stands in the image's config`,
    });
  }
  return { root: image, manifests: [image], blobs: content.blobs };
}

function layoutPath(platform: string, { folder, layout }: LegPlace): string {
  const path = resolve(folder, layout);
  const inside = relative(folder, path);
  if (inside !== '..' && !inside.startsWith(`..${sep}`)) return join(folder, inside);
  throw new AssembleError(
    'LEG_LAYOUT_OUTSIDE',
    `Cannot take the image of ${platform}: ${JSON.stringify(layout.slice(0, 100))} is not within what its machine handed over`,
    { hint: 'Name the layout relative to output-path' },
  );
}

/** An index over this one image is the same image; one over more was not built by this leg alone. */
function onlyImage(platform: string, { root, manifests }: Content): Manifest {
  const images = manifests.filter(({ kind }) => kind === 'image');
  const [image] = images;
  const indexes = manifests.length - images.length;
  if (image !== undefined && images.length === 1 && indexes === (root.kind === 'index' ? 1 : 0)) return image;
  throw new AssembleError(
    'LEG_FOREIGN_IMAGE',
    `Cannot take the image of ${platform}: its layout names ${images.length} manifests, expected 1`,
    { hint: 'Let each machine build its own platform alone, without attestations of the builder' },
  );
}

/** Runtimes read arm64 and arm64/v8 as one. */
function ordinary(platform: Platform | string): string {
  const text = typeof platform === 'string' ? platform : platformText(platform);
  return text.replace(/\/arm64\/v8$/, '/arm64');
}
