import type { IncomingMessage } from 'node:http';
import { isDigest, sha256 } from '@paved/digest';
import type { RegistryBehaviour } from './behaviour.js';
import { type Reply, readBody } from './loopback.js';
import { ociError } from './oci-error.js';
import type { RegistryStore, StoredRepository, Upload } from './store.js';

interface BlobRequest {
  readonly request: IncomingMessage;
  readonly url: URL;
  readonly name: string;
  readonly store: RegistryStore;
  readonly repository: StoredRepository;
  readonly options: RegistryBehaviour;
}

/** HEAD, GET and DELETE of `/v2/<name>/blobs/<digest>`. */
export function blob({ request, repository }: BlobRequest, digest: string): Reply {
  const bytes = repository.blobs.get(digest);
  if (!isDigest(digest)) return ociError(400, 'DIGEST_INVALID');
  if (bytes === undefined) return ociError(404, 'BLOB_UNKNOWN');
  if (request.method === 'DELETE') {
    repository.blobs.delete(digest);
    return { status: 202 };
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') return ociError(405, 'UNSUPPORTED');
  const headers = { 'content-type': 'application/octet-stream', 'docker-content-digest': digest };
  const part = request.method === 'GET' ? rangeOf(request.headers.range, bytes.length) : undefined;
  if (part === undefined) {
    return { status: 200, headers: { ...headers, 'content-length': String(bytes.length) }, body: bytes };
  }
  if (part.start >= bytes.length) return { status: 416, headers: { 'content-range': `bytes */${bytes.length}` } };
  const body = bytes.subarray(part.start, part.end + 1);
  const contentRange = `bytes ${part.start}-${part.start + body.length - 1}/${bytes.length}`;
  return { status: 206, headers: { ...headers, 'content-range': contentRange }, body };
}

/** RFC 9110, one range; anything else is ignored, as the RFC allows. */
function rangeOf(
  header: string | undefined,
  size: number,
): { readonly start: number; readonly end: number } | undefined {
  const [, start, end] = /^bytes=(\d+)-(\d*)$/.exec(header ?? '') ?? [];
  if (start === undefined) return undefined;
  return { start: Number(start), end: end === '' || end === undefined ? size - 1 : Number(end) };
}

/** POST `/v2/<name>/blobs/uploads/`: opens a session, mounts, or stores a blob in one request. */
export async function startUpload({ request, url, name, store, repository, options }: BlobRequest): Promise<Reply> {
  if (request.method !== 'POST') return ociError(405, 'UNSUPPORTED');
  const body = await readBody(request);
  const mount = url.searchParams.get('mount');
  if (mount !== null) {
    const from = url.searchParams.get('from');
    if (from === null && options.mountNeedsFrom === true) return ociError(400, 'NAME_INVALID');
    if (from !== null && !store.has(from) && options.unknownMountStatus !== undefined) {
      return ociError(options.unknownMountStatus, 'UNAUTHORIZED');
    }
    const source = store.has(from ?? name) ? store.repository(from ?? name) : undefined;
    const bytes = source?.blobs.get(mount);
    if (bytes !== undefined && (options.mountReferencedOnly !== true || source?.names(mount) === true)) {
      repository.blobs.set(mount, bytes);
      return created(name, mount);
    }
  }
  const digest = url.searchParams.get('digest');
  if (digest !== null && options.singlePost !== false) return commit(repository, name, digest, body);
  const { minChunkBytes } = options;
  const opened = session(202, name, repository.openUpload());
  if (minChunkBytes === undefined) return opened;
  return { ...opened, headers: { ...opened.headers, 'oci-chunk-min-length': String(minChunkBytes) } };
}

/** PATCH, PUT, GET and DELETE of an upload session. */
export async function continueUpload(
  { request, url, name, repository, options }: BlobRequest,
  id: string,
): Promise<Reply> {
  const upload = repository.uploads.get(id);
  if (upload === undefined) return ociError(404, 'BLOB_UPLOAD_UNKNOWN');
  switch (request.method) {
    case 'GET':
      return session(204, name, upload);
    case 'DELETE':
      repository.uploads.delete(id);
      return { status: 204 };
    case 'PATCH':
      return append(name, upload, request.headers['content-range'], await readBody(request), options);
    case 'PUT': {
      const body = await readBody(request);
      // The state parameter stands for what real registries keep there; a client must send the query back.
      if (url.searchParams.get('state') !== id) return ociError(400, 'BLOB_UPLOAD_INVALID');
      if (!follows(upload, request.headers['content-range'], body)) return session(416, name, upload);
      repository.uploads.delete(id);
      return commit(repository, name, url.searchParams.get('digest') ?? '', Buffer.concat([upload.bytes, body]));
    }
    default:
      return ociError(405, 'UNSUPPORTED');
  }
}

function append(
  name: string,
  upload: Upload,
  range: string | undefined,
  body: Buffer,
  options: RegistryBehaviour,
): Reply {
  const tooLong = range !== undefined && body.length > (options.maxRangeBytes ?? Number.POSITIVE_INFINITY);
  const tooShort = upload.shortChunk === true;
  if (tooLong || tooShort || !follows(upload, range, body)) return session(416, name, upload);
  // Only the last chunk may be shorter: one after it shows that it was not the last.
  upload.shortChunk = body.length < (options.minChunkBytes ?? 0);
  upload.bytes = Buffer.concat([upload.bytes, body]);
  upload.reported = options.rangeStays === true ? (upload.reported ?? upload.bytes.length) : upload.bytes.length;
  return session(202, name, upload);
}

/** Whether `<start>-<end>` continues the upload and has the length of the body; without a range it does. */
function follows(upload: Upload, range: string | undefined, body: Buffer): boolean {
  if (range === undefined) return true;
  const [, start, end] = /^(\d+)-(\d+)$/.exec(range) ?? [];
  return Number(start) === upload.bytes.length && Number(end) - Number(start) + 1 === body.length;
}

function commit(repository: StoredRepository, name: string, digest: string, bytes: Buffer): Reply {
  if (!isDigest(digest) || sha256(bytes) !== digest) return ociError(400, 'DIGEST_INVALID');
  repository.blobs.set(digest, bytes);
  return created(name, digest);
}

function created(name: string, digest: string): Reply {
  return { status: 201, headers: { location: `/v2/${name}/blobs/${digest}`, 'docker-content-digest': digest } };
}

function session(status: number, name: string, upload: Upload): Reply {
  const { id } = upload;
  return {
    status,
    headers: {
      location: `/v2/${name}/blobs/uploads/${id}?state=${id}`,
      range: `0-${Math.max(0, (upload.reported ?? upload.bytes.length) - 1)}`,
      'docker-upload-uuid': id,
    },
  };
}
