import type { BlobSource } from './blob-source.js';
import type { BlobOutcome } from './blob-upload.js';
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
  const body = await readWhole(source);
  try {
    const headers = { 'content-type': 'application/octet-stream' };
    // The blob is named by its digest, so that repeating the request after a lost answer changes nothing.
    const { attempts } = registry.retry;
    const response = await repository.send({ method: 'POST', url, headers, body, attempts, accept: [201, 202] });
    response.discard();
    if (response.status === 201) {
      await confirm(repository, source, response.header('docker-content-digest'));
      return 'sent';
    }
  } catch (error) {
    if (!(error instanceof OciError) || error.code !== 'REGISTRY_REFUSED') throw error;
  }
  path.singlePost = false;
  return await repository.pushBlob(source);
}

/** The registry has to say which digest it stored; otherwise the blob is read back. */
async function confirm(repository: RepositoryClient, source: BlobSource, answered: string | undefined): Promise<void> {
  const { digest } = source.descriptor;
  if (answered === undefined) return await repository.verifyBlob(source.descriptor);
  if (answered === digest) return;
  throw new OciError('DIGEST_MISMATCH', `Cannot accept ${digest}: the registry stored ${answered.slice(0, 140)}`);
}

async function readWhole(source: BlobSource): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of source.open()) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
