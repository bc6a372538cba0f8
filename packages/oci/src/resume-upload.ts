import { type BlobSource, VerifiedBlobStream } from './blob-source.js';
import { confirmStored } from './blob-upload.js';
import { OciError } from './error.js';
import { registryPath } from './registry-path.js';
import type { RepositoryClient } from './repository-client.js';
import { isTransientFailure, withRetry } from './retry.js';
import { closingUrl, sessionUrl } from './upload-session.js';

/** Below this a new upload costs less than asking. */
const MIN_BYTES = 1024 * 1024;
/** A chunk is held in memory; GHCR refuses more than 4 MiB in one ranged request, others take any size. */
const CHUNK_BYTES = 16 * 1024 * 1024;
const CHUNK_TIMEOUT_MS = 120_000;

interface Position {
  readonly url: URL;
  /** Bytes that the registry holds. */
  readonly offset: number;
}

/** Whether to ask how far a broken upload got: never where the registry's answer to that is known to be wrong. */
export function mayResume(repository: RepositoryClient, { descriptor }: BlobSource, error: unknown): boolean {
  const chunks = registryPath(repository.registry).profile?.chunks;
  return isTransientFailure(error) && descriptor.size >= MIN_BYTES && chunks?.trustsRange !== false;
}

/**
 * Goes on with a session in chunks (distribution-spec 1.1.1, "Pushing a blob in chunks") from where the registry says that it is. The
 * blob is hashed from its first byte again, and its last chunk still waits for the digest, which the closing PUT names: a registry that
 * was wrong about its position ends with a refusal, not with a wrong blob.
 * @returns `false` when the registry holds nothing of it, so that a new upload is as good
 */
export async function resumeUpload(repository: RepositoryClient, source: BlobSource, session: URL): Promise<boolean> {
  return await withRetry(repository.registry.retry, isTransientFailure, async () => {
    const position = await askPosition(repository, session);
    if (position.offset <= 0 || position.offset > source.descriptor.size) return false;
    const url = await sendRest(repository, source, position);
    const response = await repository.send({
      method: 'PUT',
      url: closingUrl(url, source.descriptor.digest),
      headers: { 'content-length': '0' },
      attempts: 1,
      accept: [201],
    });
    response.discard();
    await confirmStored(repository, source.descriptor, response.header('docker-content-digest'));
    return true;
  });
}

async function askPosition(repository: RepositoryClient, session: URL): Promise<Position> {
  const response = await repository.send({ method: 'GET', url: session, accept: [204] });
  response.discard();
  const location = response.header('location');
  return {
    url: location === undefined ? session : sessionUrl(repository, location, response.url),
    offset: storedBytes(response.header('range')),
  };
}

/** `0-99` is 100 bytes; some write `bytes=0-99`. `0-0` is how an empty session is written, so that it counts as nothing. */
function storedBytes(range: string | undefined): number {
  const last = /^(?:bytes=)?0-([0-9]{1,15})$/.exec(range ?? '')?.[1];
  return last === undefined || last === '0' ? 0 : Number(last) + 1;
}

async function sendRest(repository: RepositoryClient, source: BlobSource, start: Position): Promise<URL> {
  const limit = registryPath(repository.registry).profile?.chunks.maxBytes ?? CHUNK_BYTES;
  let { url, offset } = start;
  for await (const chunk of chunksFrom(source, offset, Math.min(limit, CHUNK_BYTES))) {
    const response = await repository.send({
      method: 'PATCH',
      url,
      headers: {
        'content-type': 'application/octet-stream',
        'content-range': `${offset}-${offset + chunk.length - 1}`,
      },
      body: chunk,
      timeoutMs: CHUNK_TIMEOUT_MS,
      attempts: 1,
      accept: [202],
    });
    response.discard();
    offset += chunk.length;
    const stored = storedBytes(response.header('range'));
    if (stored !== 0 && stored !== offset) {
      throw new OciError(
        'UPLOAD_INCOMPLETE',
        `Cannot go on with ${source.descriptor.digest}: the registry lost bytes`,
        { hint: 'Push again' },
      );
    }
    const location = response.header('location');
    if (location !== undefined) url = sessionUrl(repository, location, response.url);
  }
  return url;
}

/** The checked bytes of `source` from `offset` on, in pieces of `size`. */
async function* chunksFrom(source: BlobSource, offset: number, size: number): AsyncGenerator<Buffer> {
  const opened = source.open();
  const verified = opened
    .on('error', (error) => verified.destroy(error))
    .pipe(new VerifiedBlobStream(source.descriptor));
  let skip = offset;
  let [held, length]: [Buffer[], number] = [[], 0];
  try {
    for await (const data of verified as AsyncIterable<Buffer>) {
      let rest = data.subarray(Math.min(skip, data.length));
      skip -= Math.min(skip, data.length);
      while (rest.length > 0) {
        const piece = rest.subarray(0, size - length);
        held.push(piece);
        length += piece.length;
        rest = rest.subarray(piece.length);
        if (length < size) continue;
        yield Buffer.concat(held);
        [held, length] = [[], 0];
      }
    }
    if (length > 0) yield Buffer.concat(held);
  } finally {
    opened.destroy();
  }
}
