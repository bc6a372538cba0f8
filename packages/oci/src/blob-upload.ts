import { addAbortSignal, pipeline, type Readable, type Writable } from 'node:stream';
import { type HttpBody, HttpError } from '@paved/http';
import { type BlobSource, VerifiedBlobStream } from './blob-source.js';
import type { Descriptor } from './descriptor.js';
import { OciError } from './error.js';
import type { RepositoryName } from './reference.js';
import { registryPath } from './registry-path.js';
import type { RepositoryClient } from './repository-client.js';
import { mayResume, resumeUpload } from './resume-upload.js';
import { isTransientFailure, withRetry } from './retry.js';
import { closingUrl, sessionUrl } from './upload-session.js';
import { VerifiedFileBody } from './verified-file.js';

export type BlobOutcome = 'present' | 'mounted' | 'sent';

export interface UploadOptions {
  readonly mountFrom?: RepositoryName | undefined;
  /** Called with how many bytes were read for this upload so far. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

const UPLOAD_TIMEOUT_MS = 120_000;

/**
 * HEAD, then POST and one streaming PUT (distribution-spec 1.1.1, "POST then PUT"), which every registry takes without a limit on
 * ranges. The blob is hashed while it is sent and its last chunk waits for the digest, so the registry never receives a complete
 * wrong blob. An upload that broke off goes on in chunks where the registry says how far it got; otherwise its session is cancelled and
 * a new one is opened.
 * @throws {OciError} `DIGEST_MISMATCH`, `UPLOAD_INCOMPLETE`, `REGISTRY_NOT_ALLOWED` for a Location in a private network
 */
export async function uploadBlob(
  repository: RepositoryClient,
  source: BlobSource,
  options: UploadOptions,
): Promise<BlobOutcome> {
  return await withRetry(repository.registry.retry, isWorthANewSession, async () => {
    // Asked again before each session: the answer to a PUT that did succeed may have been lost.
    if (await repository.hasBlob(source.descriptor)) return 'present';
    const session = await openSession(repository, source, options.mountFrom);
    if (session === 'mounted') return 'mounted';
    await fillSession(repository, source, session, options);
    return 'sent';
  });
}

async function openSession(
  repository: RepositoryClient,
  source: BlobSource,
  mountFrom: RepositoryName | undefined,
): Promise<URL | 'mounted'> {
  const { refusedMounts } = registryPath(repository.registry);
  if (mountFrom === undefined || refusedMounts.has(mountFrom)) {
    return await startSession(repository, source, undefined);
  }
  try {
    return await startSession(repository, source, mountFrom);
  } catch (error) {
    if (!isRefusedMount(error)) throw error;
    refusedMounts.add(mountFrom);
    return await startSession(repository, source, undefined);
  }
}

/** Harbor answers 401 for a `from` whose project it does not know, others 403 or 404: that says nothing about an upload. */
function isRefusedMount(error: unknown): boolean {
  return error instanceof OciError && (error.code === 'REGISTRY_UNAUTHORIZED' || error.code === 'REGISTRY_REFUSED');
}

async function startSession(
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

async function fillSession(
  repository: RepositoryClient,
  source: BlobSource,
  session: URL,
  options: UploadOptions,
): Promise<void> {
  try {
    await sendBody(repository, source, session, options);
  } catch (error) {
    try {
      if (mayResume(repository, source, error) && (await resumeUpload(repository, source, session))) return;
    } catch (resuming) {
      // The content itself is wrong: nothing that the registry does could help.
      if (resuming instanceof OciError && resuming.code === 'DIGEST_MISMATCH') throw await cancelled(resuming);
    }
    throw await cancelled(error);
  }
  async function cancelled(error: unknown): Promise<unknown> {
    await cancel(repository, session);
    return error;
  }
}

async function sendBody(
  repository: RepositoryClient,
  source: BlobSource,
  session: URL,
  { onBytes }: UploadOptions,
): Promise<void> {
  const { descriptor } = source;
  // The client only sees a connection that broke off; the reason is here.
  let failure: unknown;
  let bytes = 0;
  const count = (length: number) => {
    bytes += length;
    onBytes?.(bytes);
  };
  const { body, stop } = verifiedBody(repository, source, count, (error) => {
    failure = error;
  });
  try {
    const response = await repository.send({
      method: 'PUT',
      url: closingUrl(session, descriptor.digest),
      headers: { 'content-type': 'application/octet-stream' },
      body,
      timeoutMs: UPLOAD_TIMEOUT_MS,
      attempts: 1,
      accept: [201],
    });
    response.discard();
    await confirmStored(repository, descriptor, response.header('docker-content-digest'));
  } catch (error) {
    throw failure instanceof OciError ? failure : error;
  } finally {
    // An answer that came before the end of the body, or the deadline of the whole push, must not leave the file open.
    stop();
  }
}

interface VerifiedBody {
  readonly body: HttpBody;
  readonly stop: () => void;
}

function verifiedBody(
  { registry }: RepositoryClient,
  { descriptor, open, range }: BlobSource,
  onBytes: (count: number) => void,
  onError: (error: unknown) => void,
): VerifiedBody {
  if (range !== undefined) {
    const file = new VerifiedFileBody(range, descriptor, onBytes);
    const writeTo = async (outgoing: Writable) => {
      try {
        await file.writeTo(outgoing);
      } catch (error) {
        onError(error);
        throw error;
      }
    };
    return { body: { length: file.length, writeTo }, stop: () => file.stop() };
  }
  let stream: Readable | undefined;
  const openChecked = () => {
    // The deadline of the whole push cuts a body off; a request alone would only notice silence.
    const source = registry.signal === undefined ? open() : addAbortSignal(registry.signal, open());
    stream = pipeline(source, new VerifiedBlobStream(descriptor, onBytes), (error) => onError(error ?? undefined));
    return stream;
  };
  return { body: { length: descriptor.size, open: openChecked }, stop: () => stream?.destroy() };
}

/**
 * The registry has to say which digest it stored; where it says nothing the blob is read back whole.
 * @throws {OciError} `DIGEST_MISMATCH`
 */
export async function confirmStored(
  repository: RepositoryClient,
  descriptor: Descriptor,
  answered: string | undefined,
): Promise<void> {
  if (answered === descriptor.digest) return;
  if (answered === undefined) return await repository.verifyBlob(descriptor);
  throw new OciError(
    'DIGEST_MISMATCH',
    `Cannot accept ${descriptor.digest}: the registry stored ${answered.slice(0, 140)}`,
    { hint: 'Look at the registry: it stores other bytes than it was sent' },
  );
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
  return new OciError('UPLOAD_INCOMPLETE', `Cannot upload blob ${source.descriptor.digest}: ${state}`, {
    hint: 'Push again; what is complete is not sent twice',
  });
}
