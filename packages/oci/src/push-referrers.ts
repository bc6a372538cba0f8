import type { Digest } from '@paved/digest';
import type { BlobSource } from './blob-source.js';
import type { BlobOutcome } from './blob-upload.js';
import type { Referrer } from './bundle-referrer.js';
import { forEachConcurrently } from './concurrency.js';
import { OciError } from './error.js';
import { fallbackTag } from './fallback-index.js';
import type { ImageManifest, Manifest } from './manifest.js';
import { ensureListed } from './referrers.js';
import { registryPath } from './registry-path.js';
import type { RepositoryClient } from './repository-client.js';
import { pushSmallBlob } from './small-blob.js';

export type CountBytes = (outcome: BlobOutcome, size: number) => void;

/** How registries refuse a manifest whose subject is not there; anything else is a failure, not a preference. */
const MISSING_SUBJECT = new Set([400, 404, 405, 409, 412, 422]);

/**
 * Must pass before the first byte is sent: finds a registry on which referrers could never be listed. Costs a request only where tags
 * are said to be immutable.
 * @throws {OciError} `REFERRERS_IMMUTABLE_TAG`
 */
export async function assertReferrersPossible(
  repository: RepositoryClient,
  referrers: readonly Referrer[],
): Promise<void> {
  const [first] = referrers;
  const path = registryPath(repository.registry);
  if (first === undefined || !path.immutableTags || path.referrersApi === 'answers') return;
  const listed = await repository.listReferrersApi(first.subject.digest);
  if (listed === undefined) path.assertFallbackPossible(repository.registry.registry);
}

/** Pushes the blobs of referrers; equal ones once. */
export async function pushReferrerBlobs(
  repository: RepositoryClient,
  referrers: readonly Referrer[],
  limit: number,
  count: CountBytes,
): Promise<void> {
  const sources = referrers.flatMap((referrer) => referrer.blobs);
  const unique = [
    ...new Map(sources.map((source): [Digest, BlobSource] => [source.descriptor.digest, source])).values(),
  ];
  const [probe, ...others] = unique;
  const push = async (source: BlobSource) => {
    count(await pushSmallBlob(repository, source), source.descriptor.size);
  };
  // The first one alone shows whether one request is enough, so that the others need not find out together.
  if (probe !== undefined) await push(probe);
  await forEachConcurrently(others, limit, push);
}

/**
 * Pushes referrers before their subject, as far as the registry lets it, and makes sure that they are listed.
 * @returns `false` when the registry wants the subject first; nothing is listed then
 */
export async function pushReferrersAhead(
  repository: RepositoryClient,
  referrers: readonly Referrer[],
  limit: number,
): Promise<boolean> {
  const path = registryPath(repository.registry);
  const [first, ...others] = referrers;
  if (first === undefined || path.missingSubject === 'refused') return false;
  const announced = await pushAhead(repository, first.manifest);
  path.missingSubject = announced === undefined ? 'refused' : 'accepted';
  if (announced === undefined) return false;
  const rest = await pushManifests(repository, others, limit);
  await ensureAllListed(repository, referrers, new Map([...rest, [first.manifest.digest, announced]]));
  return true;
}

/** Pushes the manifests of referrers whose subjects are there, and makes sure that they are listed. */
export async function pushReferrersAfter(
  repository: RepositoryClient,
  referrers: readonly Referrer[],
  limit: number,
): Promise<void> {
  await ensureAllListed(repository, referrers, await pushManifests(repository, referrers, limit));
}

/**
 * The referrers that the registry does not have, or does not list; their subjects must be there. An entry of a fallback index says only
 * that somebody wrote it, so that the manifest behind it is read and compared.
 * @param options.fallback `assume-none` saves these requests where a second attempt is rare: attaching again changes nothing
 * @param options.listed `read` does the same for what the API lists: right before a tag nothing is taken on the registry's word
 */
export async function findUnattached(
  repository: RepositoryClient,
  referrers: readonly Referrer[],
  options: { readonly limit: number; readonly fallback: 'read' | 'assume-none'; readonly listed: 'read' | 'trusted' },
): Promise<readonly Referrer[]> {
  const path = registryPath(repository.registry);
  const present = new Set<Digest>();
  for (const [subject, own] of Map.groupBy(referrers, (referrer) => referrer.subject.digest)) {
    const listed = path.referrersApi === 'absent' ? undefined : await repository.listReferrersApi(subject);
    if (listed === undefined) path.referrersApi = 'absent';
    const digests = new Set(listed?.map((entry) => entry.digest));
    const named = own.filter(({ manifest }) => digests.has(manifest.digest));
    const there = options.listed === 'read' ? await thatAreThere(repository, named, options.limit) : named;
    for (const { manifest } of there) present.add(manifest.digest);
    if (listed !== undefined || options.fallback === 'assume-none') continue;
    for (const digest of await inFallbackIndex(repository, subject, own, options.limit)) present.add(digest);
  }
  return referrers.filter((referrer) => !present.has(referrer.manifest.digest));
}

async function inFallbackIndex(
  repository: RepositoryClient,
  subject: Digest,
  referrers: readonly Referrer[],
  limit: number,
): Promise<readonly Digest[]> {
  const index = (await repository.pullManifest(fallbackTag(subject)))?.manifest;
  const named = new Set(index?.kind === 'index' ? index.manifests.map((entry) => entry.digest) : []);
  const candidates = referrers.filter(({ manifest }) => named.has(manifest.digest));
  return (await thatAreThere(repository, candidates, limit)).map(({ manifest }) => manifest.digest);
}

async function thatAreThere(
  repository: RepositoryClient,
  referrers: readonly Referrer[],
  limit: number,
): Promise<readonly Referrer[]> {
  const found: Referrer[] = [];
  await forEachConcurrently(referrers, limit, async (referrer) => {
    if (await hasManifest(repository, referrer.manifest)) found.push(referrer);
  });
  return found;
}

/** Whether the registry has `manifest` with the same bytes and type. */
export async function hasManifest(repository: RepositoryClient, manifest: Manifest): Promise<boolean> {
  const remote = (await repository.pullManifest(manifest.digest))?.manifest;
  return remote?.mediaType === manifest.mediaType && remote.bytes.equals(manifest.bytes);
}

/** `undefined`: the registry wants the subject first. Otherwise whether it answered `OCI-Subject`. */
async function pushAhead(repository: RepositoryClient, referrer: ImageManifest): Promise<boolean | undefined> {
  try {
    return (await repository.pushManifest(referrer)) === referrer.subject?.digest;
  } catch (error) {
    const refused = error instanceof OciError && error.code === 'REGISTRY_REFUSED' && error.status !== undefined;
    if (refused && MISSING_SUBJECT.has(error.status)) return undefined;
    throw error;
  }
}

async function pushManifests(
  repository: RepositoryClient,
  referrers: readonly Referrer[],
  limit: number,
): Promise<ReadonlyMap<Digest, boolean>> {
  const announced = new Map<Digest, boolean>();
  await forEachConcurrently(referrers, limit, async ({ manifest, subject }) => {
    announced.set(manifest.digest, (await repository.pushManifest(manifest)) === subject.digest);
  });
  return announced;
}

async function ensureAllListed(
  repository: RepositoryClient,
  referrers: readonly Referrer[],
  announced: ReadonlyMap<Digest, boolean>,
): Promise<void> {
  const bySubject = Map.groupBy(referrers, (referrer) => referrer.subject.digest);
  for (const [subject, group] of bySubject) {
    const manifests = group.map((referrer) => referrer.manifest);
    const all = manifests.every((manifest) => announced.get(manifest.digest) === true);
    await ensureListed(repository, subject, manifests, all);
  }
}
