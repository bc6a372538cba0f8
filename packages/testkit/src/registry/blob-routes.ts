import type { IncomingMessage } from 'node:http';
import { isDigest, sha256 } from '@paved/digest';
import { type Reply, readBody } from './loopback.js';
import { ociError } from './oci-error.js';
import type { RegistryStore, StoredRepository } from './store.js';

interface BlobRequest {
  readonly request: IncomingMessage;
  readonly url: URL;
  readonly name: string;
  readonly store: RegistryStore;
}

/** HEAD, GET and DELETE of `/v2/<name>/blobs/<digest>`. */
export function blob({ request, name, store }: BlobRequest, digest: string): Reply {
  const repository = store.repository(name);
  const bytes = repository.blobs.get(digest);
  if (bytes === undefined) return ociError(404, 'BLOB_UNKNOWN');
  if (request.method === 'DELETE') {
    repository.blobs.delete(digest);
    return { status: 202 };
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') return ociError(405, 'UNSUPPORTED');
  return {
    status: 200,
    headers: {
      'content-type': 'application/octet-stream',
      'content-length': String(bytes.length),
      'docker-content-digest': digest,
    },
    body: bytes,
  };
}

/** POST `/v2/<name>/blobs/uploads/`: opens a session, mounts, or stores a blob in one request. */
export async function startUpload({ request, url, name, store }: BlobRequest): Promise<Reply> {
  if (request.method !== 'POST') return ociError(405, 'UNSUPPORTED');
  const repository = store.repository(name);
  const body = await readBody(request);
  const mount = url.searchParams.get('mount');
  if (mount !== null) {
    const source = store.repository(url.searchParams.get('from') ?? name).blobs.get(mount);
    if (source !== undefined) {
      repository.blobs.set(mount, source);
      return created(name, mount);
    }
  }
  const digest = url.searchParams.get('digest');
  if (digest !== null) return commit(repository, name, digest, body);
  return session(202, name, repository.openUpload().id, 0);
}

/** PATCH, PUT, GET and DELETE of an upload session. */
export async function continueUpload({ request, url, name, store }: BlobRequest, id: string): Promise<Reply> {
  const repository = store.repository(name);
  const upload = repository.uploads.get(id);
  if (upload === undefined) return ociError(404, 'BLOB_UPLOAD_UNKNOWN');
  switch (request.method) {
    case 'GET':
      return session(204, name, id, upload.bytes.length);
    case 'DELETE':
      repository.uploads.delete(id);
      return { status: 204 };
    case 'PATCH': {
      const start = /^(\d+)-\d+$/.exec(request.headers['content-range'] ?? '')?.[1];
      if (start !== undefined && Number(start) !== upload.bytes.length)
        return session(416, name, id, upload.bytes.length);
      upload.bytes = Buffer.concat([upload.bytes, await readBody(request)]);
      return session(202, name, id, upload.bytes.length);
    }
    case 'PUT': {
      const bytes = Buffer.concat([upload.bytes, await readBody(request)]);
      // The state parameter stands for what real registries keep there; a client must send the query back.
      if (url.searchParams.get('state') !== id) return ociError(400, 'BLOB_UPLOAD_INVALID');
      repository.uploads.delete(id);
      return commit(repository, name, url.searchParams.get('digest') ?? '', bytes);
    }
    default:
      return ociError(405, 'UNSUPPORTED');
  }
}

function commit(repository: StoredRepository, name: string, digest: string, bytes: Buffer): Reply {
  if (!isDigest(digest) || sha256(bytes) !== digest) return ociError(400, 'DIGEST_INVALID');
  repository.blobs.set(digest, bytes);
  return created(name, digest);
}

function created(name: string, digest: string): Reply {
  return { status: 201, headers: { location: `/v2/${name}/blobs/${digest}`, 'docker-content-digest': digest } };
}

function session(status: number, name: string, id: string, size: number): Reply {
  return {
    status,
    headers: {
      location: `/v2/${name}/blobs/uploads/${id}?state=${id}`,
      range: `0-${Math.max(0, size - 1)}`,
      'docker-upload-uuid': id,
    },
  };
}
