import { pipeline } from 'node:stream';
import { assertPublicHost, HttpError } from '@paved/http';
import { type BlobSource, VerifiedBlobStream } from './blob-source.js';
import { OciError } from './error.js';
import type { RepositoryName } from './reference.js';
import type { RepositoryClient } from './repository-client.js';
import { isTransientFailure, withRetry } from './retry.js';

export type BlobOutcome = 'present' | 'mounted' | 'sent';

const UPLOAD_TIMEOUT_MS = 120_000;

/**
 * HEAD, then POST and one streaming PUT (distribution-spec 1.1.1, "POST then PUT"), which every registry takes without a limit on
 * ranges. The blob is hashed while it is sent and its last chunk waits for the digest, so the registry never receives a complete
 * wrong blob; a session that failed is cancelled and a new one is opened.
 * @throws {OciError} `DIGEST_MISMATCH`, `UPLOAD_INCOMPLETE`, `REGISTRY_NOT_ALLOWED` for a Location in a private network
 */
export async function uploadBlob(
  repository: RepositoryClient,
  source: BlobSource,
  mountFrom: RepositoryName | undefined,
): Promise<BlobOutcome> {
  return await withRetry(repository.registry.retry, isWorthANewSession, async () => {
    // Asked again before each session: the answer to a PUT that did succeed may have been lost.
    if (await repository.hasBlob(source.descriptor)) return 'present';
    const session = await openSession(repository, source, mountFrom);
    if (session === 'mounted') return 'mounted';
    await sendBody(repository, source, session);
    return 'sent';
  });
}

async function openSession(
  repository: RepositoryClient,
  source: BlobSource,
  mountFrom: RepositoryName | undefined,
): Promise<URL | 'mounted'> {
  const url = repository.url('blobs/uploads/');
  if (mountFrom !== undefined) {
    url.searchParams.set('mount', source.descriptor.digest);
    url.searchParams.set('from', mountFrom);
  }
  const headers = { 'content-length': '0' };
  // A lost answer to this POST leaves an empty session behind, nothing more: it may be repeated.
  const attempts = repository.registry.retry.attempts;
  const response = await repository.send({ method: 'POST', url, headers, attempts, accept: [201, 202] }, mountFrom);
  response.discard();
  if (response.status === 201) {
    if (mountFrom !== undefined && (await repository.hasBlob(source.descriptor))) return 'mounted';
    throw incomplete(source, 'the registry says that it is there and it is not');
  }
  return sessionUrl(repository, response.header('location'), response.url);
}

/** The Location is the registry's word: it may be relative and carry a query, and must not lead into a private network. */
function sessionUrl(repository: RepositoryClient, location: string | undefined, base: URL): URL {
  if (location === undefined || !URL.canParse(location, base.href)) {
    throw new OciError('UPLOAD_INCOMPLETE', `Cannot upload to ${base.host}: it gave no usable Location`);
  }
  const url = new URL(location, base);
  const isHttp = url.protocol === 'https:' || (url.protocol === 'http:' && base.protocol === 'http:');
  const refused = new OciError('REGISTRY_NOT_ALLOWED', `Cannot upload to ${url.host}: ${base.host} sends us there`, {
    hint: 'The registry named an upload address in a private network or without TLS',
  });
  if (!isHttp || url.username !== '' || url.password !== '') throw refused;
  if (repository.registry.isOwn(url)) return url;
  try {
    assertPublicHost(url, repository.url(''));
  } catch {
    throw refused;
  }
  return url;
}

async function sendBody(repository: RepositoryClient, source: BlobSource, session: URL): Promise<void> {
  const { descriptor } = source;
  const url = new URL(session);
  // Appended as text: parsing and printing the query again could change what the registry put there.
  url.search = `${session.search === '' ? '?' : `${session.search}&`}digest=${encodeURIComponent(descriptor.digest)}`;
  // The client only sees a connection that broke off; the reason is here.
  let failure: unknown;
  try {
    const response = await repository.send({
      method: 'PUT',
      url,
      headers: { 'content-type': 'application/octet-stream' },
      body: {
        length: descriptor.size,
        open: () => pipeline(source.open(), new VerifiedBlobStream(descriptor), (error) => (failure = error)),
      },
      timeoutMs: UPLOAD_TIMEOUT_MS,
      attempts: 1,
      accept: [201],
    });
    response.discard();
    const answered = response.header('docker-content-digest');
    if (answered !== undefined && answered !== descriptor.digest) {
      throw new OciError(
        'DIGEST_MISMATCH',
        `Cannot accept ${descriptor.digest}: the registry stored ${answered.slice(0, 140)}`,
      );
    }
  } catch (error) {
    await cancel(repository, session);
    throw failure instanceof OciError ? failure : error;
  }
}

/** Best effort: a session that stays open expires, and 1.1.1 does not oblige a registry to support this. */
async function cancel(repository: RepositoryClient, session: URL): Promise<void> {
  try {
    const accept = [200, 202, 204, 400, 404, 405];
    (await repository.send({ method: 'DELETE', url: session, attempts: 1, accept })).discard();
  } catch (error) {
    if (!(error instanceof OciError) && !(error instanceof HttpError)) throw error;
  }
}

function isWorthANewSession(error: unknown): boolean {
  if (isTransientFailure(error)) return true;
  // The session expired or lost bytes.
  return (
    error instanceof OciError && error.code === 'REGISTRY_REFUSED' && (error.status === 404 || error.status === 416)
  );
}

function incomplete(source: BlobSource, state: string): OciError {
  return new OciError('UPLOAD_INCOMPLETE', `Cannot upload blob ${source.descriptor.digest}: ${state}`);
}
