import { type BlobSource, readBlob } from './blob-source.js';
import { type BlobOutcome, confirmStored } from './blob-upload.js';
import { OciError } from './error.js';
import { registryPath } from './registry-path.js';
import type { RepositoryClient } from './repository-client.js';

/** Above this a second transfer, after a registry that ignored the first, would cost more than the request it saves. */
const MAX_BYTES = 256 * 1024;

/**
 * Stores a small blob in one request where the registry can (distribution-spec 1.1.1, "Single POST"), and as any other blob where it
 * cannot; which of the two is learned once per registry. Not asked first whether it is there: that would be as many requests.
 * @throws {OciError} `DIGEST_MISMATCH` when the registry stored, or gives back, something else
 */
export async function pushSmallBlob(repository: RepositoryClient, source: BlobSource): Promise<BlobOutcome> {
  const { registry } = repository;
  const path = registryPath(registry);
  const { digest, size } = source.descriptor;
  if (!path.singlePost || size > MAX_BYTES) return await repository.pushBlob(source);
  const url = repository.url('blobs/uploads/');
  url.searchParams.set('digest', digest);
  const body = await readBlob(source, MAX_BYTES);
  try {
    const headers = { 'content-type': 'application/octet-stream' };
    // The blob is named by its digest, so that repeating the request after a lost answer changes nothing.
    const { attempts } = registry.retry;
    const response = await repository.send({ method: 'POST', url, headers, body, attempts, accept: [201, 202] });
    response.discard();
    if (response.status === 201) {
      await confirmStored(repository, source.descriptor, response.header('docker-content-digest'));
      return 'sent';
    }
  } catch (error) {
    if (!(error instanceof OciError) || error.code !== 'REGISTRY_REFUSED') throw error;
  }
  path.singlePost = false;
  return await repository.pushBlob(source);
}
