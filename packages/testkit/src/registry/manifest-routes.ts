import type { IncomingMessage } from 'node:http';
import { isDigest, sha256 } from '@paved/digest';
import { type Reply, readBody } from './loopback.js';
import { ociError } from './oci-error.js';
import type { RegistryOptions } from './registry.js';
import type { RegistryStore, StoredManifest, StoredRepository } from './store.js';

const INDEX = 'application/vnd.oci.image.index.v1+json';
const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

interface ManifestRequest {
  readonly request: IncomingMessage;
  readonly url: URL;
  readonly name: string;
  readonly store: RegistryStore;
  readonly repository: StoredRepository;
  readonly options: RegistryOptions;
}

/** HEAD, GET, PUT and DELETE of `/v2/<name>/manifests/<reference>`. */
export async function manifest(context: ManifestRequest, reference: string): Promise<Reply> {
  const { request, repository } = context;
  if (request.method === 'PUT') return put(context, reference, await readBody(request));
  const found = repository.find(reference);
  if (found === undefined) return ociError(404, 'MANIFEST_UNKNOWN');
  if (request.method === 'DELETE') {
    remove(repository, reference);
    return { status: 202 };
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') return ociError(405, 'UNSUPPORTED');
  return {
    status: 200,
    headers: {
      'content-type': found.mediaType,
      'content-length': String(found.bytes.length),
      'docker-content-digest': found.digest,
      etag: `"${found.digest}"`,
    },
    body: found.bytes,
  };
}

function put({ request, name, repository, options }: ManifestRequest, reference: string, bytes: Buffer): Reply {
  const digest = sha256(bytes);
  if (bytes.length > MAX_MANIFEST_BYTES) return ociError(413, 'SIZE_INVALID');
  if (reference.includes(':') && reference !== digest) return ociError(400, 'DIGEST_INVALID');
  if (!isDigest(reference) && !TAG.test(reference)) return ociError(400, 'TAG_INVALID');
  const current = repository.tags.get(reference);
  if (options.conditionalPut !== false && !conditionHolds(request, current)) {
    return ociError(412, 'PRECONDITION_FAILED');
  }
  if (options.immutableTags === true && current !== undefined && current !== digest) {
    return ociError(options.immutableStatus ?? 409, 'TAG_INVALID');
  }
  const parsed = parse(bytes, request.headers['content-type'] ?? '');
  if (parsed === undefined) return ociError(400, 'MANIFEST_INVALID');
  const missing = parsed.blobs.find((blob) => !repository.blobs.has(blob));
  if (missing !== undefined) return ociError(400, 'MANIFEST_BLOB_UNKNOWN');
  if (parsed.manifests.some((child) => !repository.manifests.has(child))) return ociError(400, 'MANIFEST_UNKNOWN');
  const { subject } = parsed.stored;
  if (subject !== undefined && options.acceptMissingSubject === false && !repository.manifests.has(subject)) {
    return ociError(options.missingSubjectStatus ?? 400, 'MANIFEST_INVALID');
  }
  repository.manifests.set(digest, { ...parsed.stored, digest, bytes, blobs: parsed.blobs });
  if (!isDigest(reference)) repository.tags.set(reference, digest);
  return {
    status: 201,
    headers: {
      location: `/v2/${name}/manifests/${digest}`,
      'docker-content-digest': digest,
      ...(subject !== undefined && (options.announceSubject ?? options.referrers !== false)
        ? { 'oci-subject': subject }
        : {}),
    },
  };
}

function conditionHolds(request: IncomingMessage, current: string | undefined): boolean {
  const ifMatch = request.headers['if-match'];
  if (ifMatch !== undefined && ifMatch !== `"${current}"`) return false;
  return request.headers['if-none-match'] !== '*' || current === undefined;
}

/** A tag alone, or a manifest with every tag that names it. */
function remove(repository: StoredRepository, reference: string): void {
  if (repository.tags.delete(reference)) return;
  repository.manifests.delete(reference);
  for (const [tag, digest] of repository.tags) if (digest === reference) repository.tags.delete(tag);
}

interface ParsedManifest {
  readonly stored: Omit<StoredManifest, 'digest' | 'bytes'>;
  readonly blobs: readonly string[];
  readonly manifests: readonly string[];
}

interface Document {
  mediaType?: string;
  artifactType?: string;
  annotations?: Record<string, string>;
  subject?: { digest: string };
  config?: { digest: string; mediaType: string };
  layers?: { digest: string }[];
  manifests?: { digest: string }[];
}

function parse(bytes: Buffer, contentType: string): ParsedManifest | undefined {
  let document: Document;
  try {
    document = JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
  if (typeof document !== 'object' || document === null) return undefined;
  if (document.mediaType !== undefined && document.mediaType !== contentType) return undefined;
  if (![document.manifests ?? [], document.layers ?? []].every(Array.isArray)) return undefined;
  if (document.manifests === undefined && (document.config === undefined || document.layers === undefined)) {
    return undefined;
  }
  return {
    stored: {
      mediaType: contentType,
      subject: document.subject?.digest,
      artifactType: document.artifactType ?? document.config?.mediaType,
      annotations: document.annotations,
    },
    blobs: [document.config, ...(document.layers ?? [])].flatMap((part) => (part === undefined ? [] : [part.digest])),
    manifests: (document.manifests ?? []).map((child) => child.digest),
  };
}

/** GET `/v2/<name>/referrers/<digest>` in pages; the filter is applied and said so in `OCI-Filters-Applied`. */
export function referrers({ request, url, name, repository, options }: ManifestRequest, digest: string): Reply {
  if (options.referrers === false) return ociError(404, 'UNSUPPORTED');
  if (request.method !== 'GET') return ociError(405, 'UNSUPPORTED');
  if (!isDigest(digest)) return ociError(400, 'DIGEST_INVALID');
  const artifactType = options.appliesFilters === false ? null : url.searchParams.get('artifactType');
  const all = repository
    .referrersOf(digest)
    .filter((entry) => artifactType === null || entry.artifactType === artifactType)
    .map((entry) => ({
      mediaType: entry.mediaType,
      digest: entry.digest,
      size: entry.bytes.length,
      artifactType: entry.artifactType,
      annotations: entry.annotations,
    }));
  const after = all.findIndex((entry) => entry.digest === url.searchParams.get('last')) + 1;
  const manifests = all.slice(after, after + (options.referrersPerPage ?? all.length));
  const next = new URLSearchParams(url.search);
  next.set('last', manifests.at(-1)?.digest ?? '');
  const more = after + manifests.length < all.length;
  return {
    status: 200,
    headers: {
      'content-type': INDEX,
      ...(artifactType === null ? {} : { 'oci-filters-applied': 'artifactType' }),
      ...(more ? { link: `</v2/${name}/referrers/${digest}?${next}>; rel="next"` } : {}),
    },
    body: JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests }),
  };
}

/** GET `/v2/<name>/tags/list` with `n` and `last`. */
export function tagsList({ request, url, name, store, repository }: ManifestRequest): Reply {
  if (request.method !== 'GET') return ociError(405, 'UNSUPPORTED');
  if (!store.has(name)) return ociError(404, 'NAME_UNKNOWN');
  const last = url.searchParams.get('last');
  const all = [...repository.tags.keys()]
    .sort(inAsciiOrder)
    .filter((tag) => last === null || inAsciiOrder(tag, last) > 0);
  const limit = Number(url.searchParams.get('n') ?? all.length);
  if (!Number.isInteger(limit) || limit < 0) return ociError(400, 'UNSUPPORTED');
  const tags = all.slice(0, limit);
  const more = tags.length < all.length && tags.length > 0;
  return {
    status: 200,
    headers: {
      'content-type': 'application/json',
      ...(more ? { link: `</v2/${name}/tags/list?n=${limit}&last=${tags.at(-1)}>; rel="next"` } : {}),
    },
    body: JSON.stringify({ name, tags }),
  };
}

/** distribution-spec 1.1.1, "Listing Tags": lexical order, which is not the order of a locale. */
function inAsciiOrder(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}
