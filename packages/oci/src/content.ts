import { pipeline } from 'node:stream/promises';
import { type BlobSource, VerifiedBlobStream } from './blob-source.js';
import { OciError } from './error.js';
import type { Manifest } from './manifest.js';

/** Content to push: manifests in memory, blobs that are read, and checked, whenever they are opened. */
export interface Content {
  readonly root: Manifest;
  /** `root` and everything below it, each once, children before the index that names them: the order of a push. */
  readonly manifests: readonly Manifest[];
  /** Configs and layers, each once. */
  readonly blobs: readonly BlobSource[];
}

export const REBUILD_HINT = 'The layout was changed after it was built; build it again';

/** Reads a blob of a layout only to compare it. @throws {OciError} `LAYOUT_DIGEST_MISMATCH` */
export async function assertBlobMatches(source: BlobSource): Promise<void> {
  try {
    await pipeline(source.open(), new VerifiedBlobStream(source.descriptor).resume());
  } catch (cause) {
    if (!(cause instanceof OciError) || cause.code !== 'DIGEST_MISMATCH') throw cause;
    throw new OciError('LAYOUT_DIGEST_MISMATCH', cause.message, { hint: REBUILD_HINT });
  }
}
