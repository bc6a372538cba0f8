import type { Digest } from '@paved/digest';
import type { BlobSource } from './blob-source.js';
import type { Referrer } from './bundle-referrer.js';
import { type ByteBudget, DEFAULT_BUDGET } from './byte-budget.js';
import { forEachConcurrently } from './concurrency.js';
import type { Content } from './content.js';
import { OciError } from './error.js';
import type { Manifest } from './manifest.js';
import { type PushBlobsOptions, pushBlobs } from './push-blobs.js';
import {
  assertReferrersPossible,
  type CountBytes,
  findUnattached,
  hasManifest,
  pushReferrerBlobs,
  pushReferrersAfter,
  pushReferrersAhead,
} from './push-referrers.js';
import type { RepositoryName } from './reference.js';
import type { RepositoryClient } from './repository-client.js';

export interface PushContentOptions {
  readonly repository: RepositoryClient;
  readonly layout: Content;
  readonly referrers: readonly Referrer[];
  /** Another repository of the registry from which blobs may be mounted. */
  readonly mountFrom?: RepositoryName | undefined;
  /** Requests at a time; how many blobs go at a time depends on their sizes as well. */
  readonly concurrency?: number;
  readonly budget?: ByteBudget | undefined;
  readonly onProgress?: PushBlobsOptions['onProgress'];
  /**
   * `all` reads the blobs as well, also those that were there before; without it the digest that the registry confirmed for each is
   * enough (default `manifests`).
   */
  readonly readBack?: 'manifests' | 'all' | undefined;
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

/**
 * Pushes blobs, manifests and referrers by digest, never a tag. Where the registry takes referrers to a subject that is not there
 * yet they go first, so that the artifact is never visible without them. What the registry has already is not sent again: a manifest
 * with the same bytes stands for its blobs, because a registry takes it only when it has them. Every manifest that was pushed is read
 * back and compared before this returns.
 * @throws {OciError} `READBACK_MISMATCH`, `DIGEST_MISMATCH`, `REFERRERS_IMMUTABLE_TAG` (before the first byte), and what
 * {@link RepositoryClient} throws
 */
export async function pushContent(options: PushContentOptions): Promise<PushedContent> {
  const { repository, layout, referrers } = options;
  const limit = options.concurrency ?? DEFAULT_CONCURRENCY;
  await assertReferrersPossible(repository, referrers);
  const started = performance.now();
  const absent = await findAbsent(repository, layout.manifests, limit);
  const { bytes, count } = newTally();
  const blobs = blobsOf(layout, absent);
  for (const { descriptor } of layout.blobs) if (!blobs.has(descriptor.digest)) count('present', descriptor.size);
  const outcomes = await pushBlobs(repository, [...blobs.values()], { ...options, budget: budgetOf(options) });
  for (const [{ descriptor }, outcome] of outcomes) count(outcome, descriptor.size);
  const isNew = absent.some((manifest) => manifest.digest === layout.root.digest);
  const placed = isNew
    ? await placeNew(repository, absent, referrers, limit, count)
    : await placePresent(repository, absent, referrers, limit, count, started);
  const toRead = options.readBack === 'all' ? layout.blobs : [];
  await readBackAll(repository, [...absent, ...placed.pushed], toRead, limit);
  return { digest: layout.root.digest, order: placed.order, windowMs: placed.windowMs, bytes };
}

/**
 * Attaches referrers to manifests that the repository has already, and reads them back, also those that the registry lists.
 * @returns bytes of their blobs
 * @throws {OciError} `REFERRERS_IMMUTABLE_TAG` before the first byte
 */
export async function attachReferrers(
  repository: RepositoryClient,
  referrers: readonly Referrer[],
  concurrency = DEFAULT_CONCURRENCY,
): Promise<PushedContent['bytes']> {
  await assertReferrersPossible(repository, referrers);
  const { bytes, count } = newTally();
  const missing = await findUnattached(repository, referrers, {
    limit: concurrency,
    fallback: 'assume-none',
    listed: 'read',
  });
  const pushed = await attach(repository, missing, concurrency, count);
  await readBackAll(repository, pushed, [], concurrency);
  return bytes;
}

interface Placed {
  readonly order: PushedContent['order'];
  readonly windowMs: number;
  /** Manifests of the referrers that this push sent. */
  readonly pushed: readonly Manifest[];
}

async function placeNew(
  repository: RepositoryClient,
  manifests: readonly Manifest[],
  referrers: readonly Referrer[],
  limit: number,
  count: CountBytes,
): Promise<Placed> {
  const pushed = referrers.map(({ manifest }) => manifest);
  await pushReferrerBlobs(repository, referrers, limit, count);
  if (await pushReferrersAhead(repository, referrers, limit)) {
    await pushManifests(repository, manifests);
    return { order: 'referrers-first', windowMs: 0, pushed };
  }
  await pushManifests(repository, manifests);
  const visible = performance.now();
  await pushReferrersAfter(repository, referrers, limit);
  const windowMs = referrers.length === 0 ? 0 : Math.ceil(performance.now() - visible);
  return { order: 'manifest-first', windowMs, pushed };
}

async function placePresent(
  repository: RepositoryClient,
  manifests: readonly Manifest[],
  referrers: readonly Referrer[],
  limit: number,
  count: CountBytes,
  started: number,
): Promise<Placed> {
  await pushManifests(repository, manifests);
  const missing = await findUnattached(repository, referrers, { limit, fallback: 'read', listed: 'trusted' });
  const pushed = await attach(repository, missing, limit, count);
  const windowMs = referrers.length === 0 ? 0 : Math.ceil(performance.now() - started);
  return { order: 'manifest-first', windowMs, pushed };
}

async function attach(
  repository: RepositoryClient,
  referrers: readonly Referrer[],
  limit: number,
  count: CountBytes,
): Promise<readonly Manifest[]> {
  await pushReferrerBlobs(repository, referrers, limit, count);
  await pushReferrersAfter(repository, referrers, limit);
  return referrers.map(({ manifest }) => manifest);
}

async function findAbsent(
  repository: RepositoryClient,
  manifests: readonly Manifest[],
  limit: number,
): Promise<readonly Manifest[]> {
  const absent = new Set<Digest>();
  await forEachConcurrently(manifests, limit, async (manifest) => {
    if (!(await hasManifest(repository, manifest))) absent.add(manifest.digest);
  });
  return manifests.filter((manifest) => absent.has(manifest.digest));
}

/** The blobs that `manifests` name, each once. */
function blobsOf(layout: Content, manifests: readonly Manifest[]): ReadonlyMap<Digest, BlobSource> {
  const named = new Set(
    manifests
      .flatMap((manifest) => (manifest.kind === 'image' ? [manifest.config, ...manifest.layers] : []))
      .map(({ digest }) => digest),
  );
  const blobs = layout.blobs.filter(({ descriptor }) => named.has(descriptor.digest));
  return new Map(blobs.map((source) => [source.descriptor.digest, source]));
}

function newTally(): { readonly bytes: PushedContent['bytes']; readonly count: CountBytes } {
  const bytes = { sent: 0, mounted: 0, present: 0 };
  return {
    bytes,
    count: (outcome, size) => {
      bytes[outcome] += size;
    },
  };
}

function budgetOf({ budget = DEFAULT_BUDGET, concurrency = budget.maxItems }: PushContentOptions): ByteBudget {
  return { ...budget, maxItems: Math.min(budget.maxItems, concurrency) };
}

/** Children before the index that names them: registries refuse an index with unknown entries. */
async function pushManifests(repository: RepositoryClient, manifests: readonly Manifest[]): Promise<void> {
  for (const manifest of manifests) await repository.pushManifest(manifest);
}

async function readBackAll(
  repository: RepositoryClient,
  manifests: readonly Manifest[],
  blobs: readonly BlobSource[],
  limit: number,
): Promise<void> {
  await forEachConcurrently(manifests, limit, (manifest) => assertRemoteManifest(repository, manifest));
  await forEachConcurrently(blobs, limit, (blob) => repository.verifyBlob(blob.descriptor));
}

/** Reads everything of `layout` back. @throws {OciError} `READBACK_MISMATCH`, `DIGEST_MISMATCH` */
export async function assertRemoteContent(
  repository: RepositoryClient,
  layout: Content,
  readBack: PushContentOptions['readBack'],
): Promise<void> {
  await readBackAll(repository, layout.manifests, readBack === 'all' ? layout.blobs : [], DEFAULT_CONCURRENCY);
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
