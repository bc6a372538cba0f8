import { setTimeout as sleep } from 'node:timers/promises';
import { type Digest, digestHex } from '@paved/digest';
import { array, canonicalJson, object, optional, parseJson, record, string, unknown } from '@paved/json';
import type { Descriptor } from './descriptor.js';
import { OciError } from './error.js';
import { type ImageManifest, type Manifest, manifestDescriptor, parseManifest } from './manifest.js';
import { OCI_INDEX } from './media-type.js';
import { parseTag, type Tag } from './reference.js';
import { registryPath } from './registry-path.js';
import type { FetchedManifest, RepositoryClient } from './repository-client.js';

const MAX_ROUNDS = 40;
const MAX_DELAY_STEPS = 8;

/** `sha256-<hex>`: at most 32 characters of the algorithm and 64 of the hash (distribution-spec 1.1.1, "Referrers Tag Schema"). */
export function fallbackTag(subject: Digest): Tag {
  return parseTag(`${subject.slice(0, subject.indexOf(':')).slice(0, 32)}-${digestHex(subject).slice(0, 64)}`);
}

/**
 * Adds descriptors to the index at the fallback tag, with one PUT when nobody else writes. The change is conditional where the registry
 * supports that; it is read back after a pause, because an ETag does not prove that If-Match is obeyed, and where a concurrent writer
 * won it is merged again. Entries of others are kept as they stand, also those that another writer lost in between.
 * @throws {OciError} `REFERRERS_CONFLICT` after 40 lost rounds, or when the tag holds something that is not an index;
 * `REFERRERS_IMMUTABLE_TAG` when the tag cannot be changed
 */
export async function addToFallbackIndex(
  repository: RepositoryClient,
  subject: Digest,
  referrers: readonly ImageManifest[],
): Promise<void> {
  registryPath(repository.registry).assertFallbackPossible(repository.registry.registry);
  const tag = fallbackTag(subject);
  const wanted = new Map<string, unknown>(referrers.map((referrer) => [referrer.digest, referrerDescriptor(referrer)]));
  let refused: { readonly digest: Digest | undefined; readonly error: unknown } | undefined;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const current = await repository.pullManifest(tag);
    const raw = rawIndex(current?.manifest, tag);
    const known = new Map(raw.manifests.map((entry) => [String(entry.digest), entry]));
    const missing = [...wanted].filter(([digest]) => !known.has(digest)).map(([, entry]) => entry);
    if (missing.length === 0) return;
    // Nobody changed it and it was refused all the same: not a race, but a tag that cannot change.
    if (refused !== undefined && refused.digest === current?.manifest.digest)
      throw current === undefined ? refused.error : immutable(tag, refused.error);
    // What was seen once is carried along: whoever overwrote it may not look again.
    for (const [digest, entry] of known) if (!wanted.has(digest)) wanted.set(digest, entry);
    const error = await refusalOf(() => pushIndex(repository, tag, buildIndex(raw, missing), current));
    refused = error === undefined ? undefined : { digest: current?.manifest.digest, error };
    await sleep(pauseMs(repository, refused === undefined ? 2 : Math.min(round + 1, MAX_DELAY_STEPS)));
  }
  throw new OciError(
    'REFERRERS_CONFLICT',
    `Cannot update the referrers index "${tag}": other writers keep changing it`,
    { hint: 'Run the step again when no other push to this repository is running' },
  );
}

/** Jitter over `steps` times the base delay, so that writers that met once do not meet again. */
function pauseMs(repository: RepositoryClient, steps: number): number {
  const { baseDelayMs } = repository.registry.retry;
  return baseDelayMs * (1 + Math.random() * steps);
}

async function pushIndex(
  repository: RepositoryClient,
  tag: Tag,
  index: Manifest,
  current: FetchedManifest | undefined,
): Promise<void> {
  await repository.pushManifest(index, { tag, ifMatch: current === undefined ? 'absent' : current.etag });
}

/** How registries say that a tag changed meanwhile, or must not change. */
const CONFLICT = new Set([400, 405, 409, 412]);

async function refusalOf(push: () => Promise<void>): Promise<unknown> {
  try {
    await push();
    return undefined;
  } catch (error) {
    if (error instanceof OciError && error.status !== undefined && CONFLICT.has(error.status)) return error;
    throw error;
  }
}

function immutable(tag: Tag, cause: unknown): OciError {
  return new OciError(
    'REFERRERS_IMMUTABLE_TAG',
    `Cannot update the referrers index "${tag}": the tag cannot be changed`,
    {
      cause,
      hint: 'Exempt tags that begin with "sha256-" from immutability, or use a registry with the referrers API',
    },
  );
}

const rawIndexDecoder = object({
  manifests: array(record(unknown)),
  annotations: optional(record(string)),
});
type RawIndex = ReturnType<typeof rawIndexDecoder>;

function rawIndex(current: Manifest | undefined, tag: Tag): RawIndex {
  if (current === undefined) return { manifests: [] };
  if (current.kind !== 'index') {
    throw new OciError('REFERRERS_CONFLICT', `Cannot update the referrers index "${tag}": it is not an index`, {
      hint: 'Remove what is under this tag, or rename it: the tag belongs to the referrers of the image',
    });
  }
  return parseJson('the index', current.bytes.toString('utf8'), rawIndexDecoder);
}

function buildIndex(raw: RawIndex, added: readonly unknown[]): Manifest {
  const document = { ...raw, schemaVersion: 2, mediaType: OCI_INDEX, manifests: [...raw.manifests, ...added] };
  return parseManifest(Buffer.from(canonicalJson(document)), OCI_INDEX);
}

/** A referrer as a list names it: with its artifactType (or its config's type) and all annotations. */
export function referrerDescriptor(manifest: ImageManifest): Descriptor {
  return {
    ...manifestDescriptor(manifest),
    artifactType: manifest.artifactType ?? manifest.config.mediaType,
    ...(manifest.annotations === undefined ? {} : { annotations: manifest.annotations }),
  };
}
