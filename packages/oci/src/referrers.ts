import { type Digest, digestHex } from '@paved/digest';
import { array, canonicalJson, object, optional, parseJson, record, string, unknown } from '@paved/json';
import type { Descriptor } from './descriptor.js';
import { OciError } from './error.js';
import { type ImageManifest, type Manifest, manifestDescriptor, parseManifest } from './manifest.js';
import { OCI_INDEX } from './media-type.js';
import { parseTag, type Tag } from './reference.js';
import type { FetchedManifest, RepositoryClient } from './repository-client.js';

const MAX_CONFLICTS = 6;

/** `sha256-<hex>`: at most 32 characters of the algorithm and 64 of the hash (distribution-spec 1.1.1, "Referrers Tag Schema"). */
export function fallbackTag(subject: Digest): Tag {
  return parseTag(`${subject.slice(0, subject.indexOf(':')).slice(0, 32)}-${digestHex(subject).slice(0, 64)}`);
}

/** Referrers by the API, or by the fallback tag where the registry has no API. */
export async function listReferrers(
  repository: RepositoryClient,
  subject: Digest,
  artifactType?: string,
): Promise<readonly Descriptor[]> {
  const listed = await repository.listReferrersApi(subject, artifactType);
  if (listed !== undefined) return listed;
  const fallback = await repository.pullManifest(fallbackTag(subject));
  const entries = fallback?.manifest.kind === 'index' ? fallback.manifest.manifests : [];
  return artifactType === undefined ? entries : entries.filter((entry) => entry.artifactType === artifactType);
}

/**
 * Makes sure that `referrers` (all pushed already, all of `subject`) are found by whoever asks for the referrers of `subject`.
 * An `OCI-Subject` header is not trusted: some registries send it and list nothing.
 * @param announced whether the registry answered `OCI-Subject` to every one of them
 * @throws {OciError} `READBACK_MISMATCH` when the API exists, took them and does not list them; `REFERRERS_CONFLICT`
 */
export async function ensureListed(
  repository: RepositoryClient,
  subject: Digest,
  referrers: readonly ImageManifest[],
  announced: boolean,
): Promise<'api' | 'fallback-tag'> {
  const listed = await repository.listReferrersApi(subject);
  const digests = new Set(listed?.map((entry) => entry.digest));
  if (listed !== undefined && referrers.every((referrer) => digests.has(referrer.digest))) return 'api';
  if (listed !== undefined && announced) {
    throw new OciError('READBACK_MISMATCH', `Cannot find the referrers of ${subject}: the registry does not list them`);
  }
  await addToFallbackIndex(repository, subject, referrers);
  return 'fallback-tag';
}

/**
 * Adds descriptors to the index at the fallback tag. The change is conditional where the registry supports it; everywhere it is read
 * back, and when a concurrent writer won, merged again. Entries of others are kept as they stand.
 * @throws {OciError} `REFERRERS_CONFLICT` after six lost rounds, or when the tag holds something that is not an index
 */
export async function addToFallbackIndex(
  repository: RepositoryClient,
  subject: Digest,
  referrers: readonly ImageManifest[],
): Promise<void> {
  const tag = fallbackTag(subject);
  for (let round = 0; round < MAX_CONFLICTS; round++) {
    const current = await repository.pullManifest(tag);
    const merged = mergeIndex(current?.manifest, referrers, tag);
    if (merged === undefined) return;
    await pushUnlessChanged(repository, tag, merged, current);
  }
  throw new OciError(
    'REFERRERS_CONFLICT',
    `Cannot update the referrers index "${tag}": other writers keep changing it`,
    {
      hint: 'Run the step again when no other push to this repository is running',
    },
  );
}

async function pushUnlessChanged(
  repository: RepositoryClient,
  tag: Tag,
  manifest: Manifest,
  current: FetchedManifest | undefined,
): Promise<void> {
  try {
    await repository.pushManifest(manifest, { tag, ifMatch: current === undefined ? 'absent' : current.etag });
  } catch (error) {
    const lost = error instanceof OciError && (error.status === 412 || error.status === 409);
    if (!lost) throw error;
  }
}

const rawIndexDecoder = object({
  manifests: array(record(unknown)),
  annotations: optional(record(string)),
});

/** `undefined` when every referrer is named already. */
function mergeIndex(
  current: Manifest | undefined,
  referrers: readonly ImageManifest[],
  tag: Tag,
): Manifest | undefined {
  if (current !== undefined && current.kind !== 'index') {
    throw new OciError('REFERRERS_CONFLICT', `Cannot update the referrers index "${tag}": it is not an index`);
  }
  const known = new Set(current?.manifests.map((entry) => entry.digest));
  const added = referrers.filter((referrer) => !known.has(referrer.digest));
  if (added.length === 0) return undefined;
  const raw =
    current === undefined ? { manifests: [] } : parseJson('the index', current.bytes.toString('utf8'), rawIndexDecoder);
  const document = {
    ...raw,
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: [...raw.manifests, ...added.map(referrerDescriptor)],
  };
  const bytes = Buffer.from(canonicalJson(document));
  return parseManifest(bytes, OCI_INDEX);
}

/** A referrer as a list names it: with its artifactType (or its config's type) and all annotations. */
export function referrerDescriptor(manifest: ImageManifest): Descriptor {
  return {
    ...manifestDescriptor(manifest),
    artifactType: manifest.artifactType ?? manifest.config.mediaType,
    ...(manifest.annotations === undefined ? {} : { annotations: manifest.annotations }),
  };
}
