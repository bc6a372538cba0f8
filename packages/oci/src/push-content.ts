import type { Digest } from '@paved/digest';
import type { BlobSource } from './blob-source.js';
import type { Referrer } from './bundle-referrer.js';
import { forEachConcurrently } from './concurrency.js';
import { OciError } from './error.js';
import type { OciLayout } from './layout.js';
import type { ImageManifest, Manifest } from './manifest.js';
import type { RepositoryName } from './reference.js';
import { ensureListed } from './referrers.js';
import type { RepositoryClient } from './repository-client.js';

export interface PushContentOptions {
  readonly repository: RepositoryClient;
  readonly layout: Pick<OciLayout, 'root' | 'manifests' | 'blobs'>;
  readonly referrers: readonly Referrer[];
  /** Another repository of the registry from which blobs may be mounted. */
  readonly mountFrom?: RepositoryName | undefined;
  readonly concurrency?: number;
}

/**
 * `windowMs`: how long the manifest could be pulled by digest without its referrers; 0 when they came first. When the registry had
 * the manifest before, it is counted from the start of this push and says nothing about the time before that.
 */
export interface PushedContent {
  readonly digest: Digest;
  readonly order: 'referrers-first' | 'manifest-first';
  readonly windowMs: number;
  readonly bytes: { readonly sent: number; readonly mounted: number; readonly present: number };
}

const DEFAULT_CONCURRENCY = 4;
/** How registries refuse a manifest whose subject is not there; anything else is a failure, not a preference. */
const MISSING_SUBJECT = new Set([400, 404, 405, 409, 412, 422]);

/**
 * Pushes blobs, manifests and referrers by digest, never a tag. Where the registry takes referrers to a subject that is not there
 * yet they go first, so that the artifact is never visible without them. Everything is read back and compared before this returns.
 * @throws {OciError} `READBACK_MISMATCH`, `DIGEST_MISMATCH`, and what {@link RepositoryClient} throws
 */
export async function pushContent(options: PushContentOptions): Promise<PushedContent> {
  const { repository, layout, referrers } = options;
  const limit = options.concurrency ?? DEFAULT_CONCURRENCY;
  const blobs = uniqueBlobs([...layout.blobs, ...referrers.flatMap((referrer) => referrer.blobs)]);
  const bytes = await pushBlobs(repository, blobs, limit, options.mountFrom);
  const placed = await pushInOrder(options, limit);
  await readBack(repository, [...layout.manifests, ...referrers.map(({ manifest }) => manifest)], blobs, limit);
  return { digest: layout.root.digest, ...placed, bytes };
}

/**
 * Attaches referrers to manifests that the repository has already, and reads them back.
 * @returns bytes of their blobs
 */
export async function attachReferrers(
  repository: RepositoryClient,
  referrers: readonly Referrer[],
  concurrency = DEFAULT_CONCURRENCY,
): Promise<PushedContent['bytes']> {
  const blobs = uniqueBlobs(referrers.flatMap((referrer) => referrer.blobs));
  const bytes = await pushBlobs(repository, blobs, concurrency, undefined);
  const announced = await pushReferrers(repository, referrers, concurrency);
  await ensureAllListed(repository, referrers, announced);
  await readBack(
    repository,
    referrers.map(({ manifest }) => manifest),
    blobs,
    concurrency,
  );
  return bytes;
}

async function pushBlobs(
  repository: RepositoryClient,
  blobs: readonly BlobSource[],
  limit: number,
  mountFrom: RepositoryName | undefined,
): Promise<PushedContent['bytes']> {
  const bytes = { sent: 0, mounted: 0, present: 0 };
  await forEachConcurrently(blobs, limit, async (source) => {
    const outcome = await repository.pushBlob(source, mountFrom);
    bytes[outcome] += source.descriptor.size;
  });
  return bytes;
}

async function pushInOrder(
  { repository, layout, referrers }: PushContentOptions,
  limit: number,
): Promise<Pick<PushedContent, 'order' | 'windowMs'>> {
  const [first, ...others] = referrers;
  const started = performance.now();
  const present = (await repository.pullManifest(layout.root.digest)) !== undefined;
  const announced = first === undefined || present ? undefined : await pushAhead(repository, first.manifest);
  if (first !== undefined && announced !== undefined) {
    const rest = await pushReferrers(repository, others, limit);
    await ensureAllListed(repository, referrers, new Map([...rest, [first.manifest.digest, announced]]));
    await pushManifests(repository, layout.manifests);
    return { order: 'referrers-first', windowMs: 0 };
  }
  await pushManifests(repository, layout.manifests);
  const visible = present ? started : performance.now();
  const announcements = await pushReferrers(repository, referrers, limit);
  await ensureAllListed(repository, referrers, announcements);
  const windowMs = referrers.length === 0 ? 0 : Math.ceil(performance.now() - visible);
  return { order: 'manifest-first', windowMs };
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

/** Children before the index that names them: registries refuse an index with unknown entries. */
async function pushManifests(repository: RepositoryClient, manifests: readonly Manifest[]): Promise<void> {
  for (const manifest of manifests) await repository.pushManifest(manifest);
}

async function pushReferrers(
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

async function readBack(
  repository: RepositoryClient,
  manifests: readonly Manifest[],
  blobs: readonly BlobSource[],
  limit: number,
): Promise<void> {
  await forEachConcurrently(manifests, limit, (manifest) => assertRemoteManifest(repository, manifest));
  await forEachConcurrently(blobs, limit, (blob) => repository.verifyBlob(blob.descriptor));
}

/** @throws {OciError} `READBACK_MISMATCH` when the registry lacks `manifest`, or has other bytes or another media type for it */
export async function assertRemoteManifest(repository: RepositoryClient, manifest: Manifest): Promise<void> {
  const remote = (await repository.pullManifest(manifest.digest))?.manifest;
  if (remote?.mediaType === manifest.mediaType && remote.bytes.equals(manifest.bytes)) return;
  const state = remote === undefined ? 'the registry does not have it' : 'the registry has other bytes for it';
  throw new OciError('READBACK_MISMATCH', `Cannot confirm ${manifest.digest} in ${repository.name}: ${state}`, {
    hint: 'Run the step again; nothing was tagged',
  });
}

function uniqueBlobs(sources: readonly BlobSource[]): readonly BlobSource[] {
  return [...new Map(sources.map((source) => [source.descriptor.digest, source])).values()];
}
