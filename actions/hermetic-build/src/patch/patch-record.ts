import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, parseDigest } from '@paved/digest';
import { array, integer, literal, object, optional, parseJson, refine, string } from '@paved/json';
import { HermeticBuildError } from '../error.js';
import type { MirrorTraffic } from './mirror-log.js';
import type { PackageChange } from './package-database.js';

export const PATCHES_FILE = 'image-patches.json';
export const PATCHES_MEDIA_TYPE = 'application/vnd.paved.image-patches.v1+json';

export interface ImagePatch {
  /** `registry/repository` */
  readonly image: string;
  readonly platform: string;
  /** What the Dockerfile names; nothing is built from it. */
  readonly before: Digest;
  /** What is built from in its place. */
  readonly after: Digest;
  /** Read out of both images, not out of what copa says. */
  readonly packages: readonly PackageChange[];
}

/** What was patched before the network was cut off, in the record and in the bundle. */
export interface PatchRecord extends MirrorTraffic {
  readonly mediaType: typeof PATCHES_MEDIA_TYPE;
  /** Absent where nothing had to be tried: the base is `scratch`, or has no packages. */
  readonly tool?: { readonly name: 'copa'; readonly version: string; readonly asset: Digest; readonly sha256: Digest };
  /** The list that the proxy held requests to. */
  readonly mirrors: readonly string[];
  readonly images: readonly ImagePatch[];
}

const digest = refine(string, parseDigest);
const patchRecord = object({
  mediaType: literal(PATCHES_MEDIA_TYPE),
  tool: optional(object({ name: literal('copa'), version: string, asset: digest, sha256: digest })),
  mirrors: array(string),
  reached: array(string),
  downloads: array(object({ url: string, size: integer, sha256: digest })),
  refused: array(object({ target: string, reason: string })),
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

/** The record of a bundle; `undefined` when its fetch phase patched nothing. @throws {HermeticBuildError} `BUNDLE_INCOMPLETE` */
export async function readPatches(bundlePath: string): Promise<PatchRecord | undefined> {
  const path = join(bundlePath, PATCHES_FILE);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    return parseJson(PATCHES_FILE, text, patchRecord);
  } catch (cause) {
    throw new HermeticBuildError('BUNDLE_INCOMPLETE', `Cannot read ${PATCHES_FILE} of the bundle`, {
      cause,
      hint: 'Hand over bundle-path as the fetch phase wrote it',
    });
  }
}
