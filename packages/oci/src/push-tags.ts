import type { Digest } from '@paved/digest';
import { OciError } from './error.js';
import type { Manifest } from './manifest.js';
import type { Tag } from './reference.js';
import type { FetchedManifest, RepositoryClient } from './repository-client.js';

export interface PushTagsOptions {
  readonly repository: RepositoryClient;
  /** Must be in the repository already; its bytes are what the tag is put with. */
  readonly manifest: Manifest;
  readonly tags: readonly Tag[];
  /** Lets a tag that names another digest be moved. */
  readonly moveTag?: boolean;
}

/** One tag, and the manifest that it is put on; the manifest must be in the repository already. */
export interface PlannedTag {
  readonly tag: Tag;
  readonly manifest: Manifest;
}

export interface PushedTag {
  readonly tag: Tag;
  readonly outcome: 'created' | 'present' | 'moved';
}

/** `1.2.3`, `v1.2.3`, with any suffix of a pre-release, build or variant. */
const VERSION = /^v?[0-9]+\.[0-9]+\.[0-9]+(?:[-._+][A-Za-z0-9._-]+)?$/;
/** A commit: `<40 hex>` or `sha-<7 to 40 hex>`. */
const COMMIT = /^(?:[0-9a-f]{40}|sha-[0-9a-f]{7,40})$/;
/** Tags in which referrers and cosign's older signatures live. */
const RESERVED = /^sha(?:256|512)-[0-9a-f]{32,}(?:\..*)?$/;

/**
 * A tag has to say which version it is; one that moves (`latest`, `v1`, `main`) has to be named in `allowed` as well, so that nobody
 * gets it by accident. The referrers' own tags are never allowed.
 * @throws {OciError} `TAG_REFUSED`, before anything was sent
 */
export function assertTagsAllowed(tags: readonly Tag[], allowed: readonly string[]): void {
  for (const tag of tags) {
    if (RESERVED.test(tag)) {
      throw new OciError('TAG_REFUSED', `Cannot tag as "${tag}": the registry keeps referrers under this name`, {
        hint: 'Choose another tag',
      });
    }
    if (VERSION.test(tag) || COMMIT.test(tag) || allowed.includes(tag)) continue;
    throw new OciError('TAG_REFUSED', `Cannot tag as "${tag}": it names no version`, {
      hint: 'Use a full version or a commit as tag, or name this tag in allow-tags as well',
    });
  }
}

/**
 * Puts tags on a manifest that was pushed by digest. A tag that has the digest already is a success; another digest is an error
 * unless `moveTag`. The write is conditional where the registry supports that, so that a tag which another job sets after it was looked
 * at is not overwritten. Each tag is read again afterwards.
 * @throws {OciError} `TAG_EXISTS`, `READBACK_MISMATCH`
 */
export async function pushTags(options: PushTagsOptions): Promise<readonly PushedTag[]> {
  const { repository, manifest, tags, moveTag = false } = options;
  const plan = tags.map((tag) => ({ tag, manifest }));
  return await pushTagPlan(repository, plan, moveTag);
}

/**
 * As {@link pushTags}, for tags of several manifests; they are put in their order, so that the tag of an index can come last.
 * @throws {OciError} `TAG_EXISTS`, `READBACK_MISMATCH`
 */
export async function pushTagPlan(
  repository: RepositoryClient,
  plan: readonly PlannedTag[],
  moveTag: boolean,
): Promise<readonly PushedTag[]> {
  const current = new Map<Tag, FetchedManifest | undefined>();
  // All are looked at before the first is written, so that a conflict in the last leaves none behind.
  for (const { tag, manifest } of plan) {
    const found = await repository.pullManifest(tag);
    current.set(tag, found);
    const digest = found?.manifest.digest;
    if (digest !== undefined && digest !== manifest.digest && !moveTag) throw exists(tag, digest, manifest.digest);
  }
  const pushed: PushedTag[] = [];
  for (const planned of plan) pushed.push(await pushTag(repository, planned, current.get(planned.tag)));
  return pushed;
}

async function pushTag(
  repository: RepositoryClient,
  { tag, manifest }: PlannedTag,
  before: FetchedManifest | undefined,
): Promise<PushedTag> {
  if (before?.manifest.digest === manifest.digest) return { tag, outcome: 'present' };
  try {
    await repository.pushManifest(manifest, { tag, ifMatch: before === undefined ? 'absent' : before.etag });
  } catch (error) {
    if (!(error instanceof OciError) || error.code !== 'REGISTRY_REFUSED') throw error;
    await settleRefusal(repository, { tag, manifest }, before, error);
  }
  const now = await digestOf(repository, tag);
  if (now !== manifest.digest) {
    throw new OciError('READBACK_MISMATCH', `Cannot confirm tag "${tag}": it names ${now ?? 'nothing'}`, {
      hint: 'Another job may push the same tag; find it before you run this again',
    });
  }
  return { tag, outcome: before === undefined ? 'created' : 'moved' };
}

const PRECONDITION_FAILED = 412;

/**
 * What a refusal means is in the tag: somebody has set it meanwhile, to the same digest (which is what was asked for) or to another one;
 * or it is as it was, and what the registry, or a proxy before it, refuses is the condition.
 */
async function settleRefusal(
  repository: RepositoryClient,
  { tag, manifest }: PlannedTag,
  before: FetchedManifest | undefined,
  error: OciError,
): Promise<void> {
  const now = await digestOf(repository, tag);
  if (now === manifest.digest) return;
  if (now !== before?.manifest.digest && now !== undefined) throw exists(tag, now, manifest.digest);
  if (error.status !== PRECONDITION_FAILED || now !== before?.manifest.digest) throw error;
  await repository.pushManifest(manifest, { tag });
}

async function digestOf(repository: RepositoryClient, tag: Tag): Promise<Digest | undefined> {
  return (await repository.pullManifest(tag))?.manifest.digest;
}

function exists(tag: Tag, found: Digest, wanted: Digest): OciError {
  return new OciError('TAG_EXISTS', `Cannot tag ${wanted} as "${tag}": the tag names ${found}`, {
    hint: 'Release under a new version, or set move-tag if the tag is meant to move',
  });
}
