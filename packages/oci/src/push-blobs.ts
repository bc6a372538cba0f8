import type { BlobSource } from './blob-source.js';
import type { BlobOutcome } from './blob-upload.js';
import { type ByteBudget, DEFAULT_BUDGET, forEachWithinBudget } from './byte-budget.js';
import type { Descriptor } from './descriptor.js';
import type { RepositoryName } from './reference.js';
import type { RepositoryClient } from './repository-client.js';

/** What a blob's transfer has come to; `bytes` counts what was read for it, and starts again when an upload does. */
export type BlobProgress =
  | { readonly state: 'sending'; readonly descriptor: Descriptor; readonly bytes: number }
  | { readonly state: BlobOutcome; readonly descriptor: Descriptor };

export interface PushBlobsOptions {
  /** Another repository of the registry from which blobs may be mounted. */
  readonly mountFrom?: RepositoryName | undefined;
  readonly budget?: ByteBudget | undefined;
  readonly onProgress?: ((progress: BlobProgress) => void) | undefined;
}

/** Pushes each blob unless it is there; the large ones first, because the last one alone decides when all are done. */
export async function pushBlobs(
  repository: RepositoryClient,
  blobs: readonly BlobSource[],
  options: PushBlobsOptions,
): Promise<ReadonlyMap<BlobSource, BlobOutcome>> {
  const { mountFrom, onProgress } = options;
  const largestFirst = [...blobs].sort((a, b) => b.descriptor.size - a.descriptor.size);
  const outcomes = new Map<BlobSource, BlobOutcome>();
  await forEachWithinBudget(
    largestFirst,
    ({ descriptor }) => descriptor.size,
    options.budget ?? DEFAULT_BUDGET,
    async (source) => {
      const { descriptor } = source;
      const onBytes =
        onProgress === undefined ? undefined : (bytes: number) => onProgress({ state: 'sending', descriptor, bytes });
      const outcome = await repository.pushBlob(source, { mountFrom, onBytes });
      outcomes.set(source, outcome);
      onProgress?.({ state: outcome, descriptor });
    },
  );
  return outcomes;
}
