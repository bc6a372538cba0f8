import { type Digest, parseDigest } from '@paved/digest';
import { array, type Decoder, integer, literal, object, optional, parseJson, refine, string } from '@paved/json';
import { AttestationError } from './error.js';

export const IMAGE_PATCHES_MEDIA_TYPE = 'application/vnd.paved.image-patches.v1+json';

export interface PackageChange {
  /** With `:architecture` where the database of the image has several. */
  readonly name: string;
  /** Absent when it was not there. */
  readonly before?: string;
  /** Absent when it is there no longer. */
  readonly after?: string;
}

export interface ImagePatch {
  /** `registry/repository` */
  readonly image: string;
  readonly platform: string;
  /** What the Dockerfile names; nothing is built from it. */
  readonly before: Digest;
  /** What is built from in its place; the same when there was nothing newer. */
  readonly after: Digest;
  readonly packages: readonly PackageChange[];
}

/** A file that came over plain http; what goes through a tunnel is seen by nobody but its ends. */
export interface MirrorDownload {
  readonly url: string;
  readonly size: number;
  readonly sha256: Digest;
}

/** What was patched before the network was cut off and before user code ran; vouched for by `build` alone. */
export interface ImagePatches {
  readonly mediaType: typeof IMAGE_PATCHES_MEDIA_TYPE;
  /** Absent where nothing had to be tried: the base is `scratch`, or has no packages. */
  readonly tool?: { readonly name: string; readonly version: string; readonly asset: Digest; readonly sha256: Digest };
  /** The list that requests were held to. */
  readonly mirrors: readonly string[];
  /** `host:port` of each that answered. */
  readonly reached: readonly string[];
  readonly downloads: readonly MirrorDownload[];
  readonly images: readonly ImagePatch[];
}

const digest = refine(string, parseDigest);
const imagePatches: Decoder<ImagePatches> = object({
  mediaType: literal(IMAGE_PATCHES_MEDIA_TYPE),
  tool: optional(object({ name: string, version: string, asset: digest, sha256: digest })),
  mirrors: array(string),
  reached: array(string),
  downloads: array(object({ url: string, size: integer, sha256: digest })),
  images: array(
    object({
      image: string,
      platform: string,
      before: digest,
      after: digest,
      packages: array(object({ name: string, before: optional(string), after: optional(string) })),
    }),
  ),
});

/**
 * A record whose image is another one with the same packages, or the same one with others, contradicts itself.
 * @throws {AttestationError} `DOCUMENT_MALFORMED`
 */
export function parseImagePatches(text: string): ImagePatches {
  const patches = read(text);
  const odd = patches.images.find(({ before, after, packages }) => (before === after) !== (packages.length === 0));
  if (odd !== undefined) throw malformed(`what it says of ${odd.before} contradicts itself`);
  if (patches.images.length > 0 && patches.tool === undefined) throw malformed('it names no tool');
  return patches;
}

function read(text: string): ImagePatches {
  try {
    return parseJson('the record of patches', text, imagePatches);
  } catch (cause) {
    throw malformed('it is no such document', cause);
  }
}

function malformed(state: string, cause?: unknown): AttestationError {
  return new AttestationError('DOCUMENT_MALFORMED', `Cannot accept the record of patches: ${state}`, {
    cause,
    hint: 'Hand over the record as hermetic-build wrote it, without changes',
  });
}
