import { setTimeout as sleep } from 'node:timers/promises';
import type { Digest } from '@paved/digest';
import type { Descriptor } from './descriptor.js';
import { OciError } from './error.js';
import { addToFallbackIndex, fallbackTag } from './fallback-index.js';
import type { ImageManifest } from './manifest.js';
import type { Referrers } from './referrers-api.js';
import { registryPath } from './registry-path.js';
import type { RepositoryClient } from './repository-client.js';

/** How often a list that should name a referrer is asked for: some registries list what they took only after a moment. */
const LISTING_ATTEMPTS = 3;

/**
 * Referrers by the API, or by the fallback tag where the registry has no API, or where its API names none: some registries answer 200
 * with an empty list without having one (sigstore-js#1187), and referrers pushed to them are found by the tag alone.
 */
export async function listReferrers(
  repository: RepositoryClient,
  subject: Digest,
  artifactType?: string,
): Promise<readonly Descriptor[]> {
  const listed = await repository.listReferrersApi(subject, artifactType);
  if (listed !== undefined && listed.length > 0) return listed;
  const fallback = await repository.pullManifest(fallbackTag(subject));
  const entries = fallback?.manifest.kind === 'index' ? fallback.manifest.manifests : [];
  return artifactType === undefined ? entries : entries.filter((entry) => entry.artifactType === artifactType);
}

/**
 * Makes sure that `referrers` (all pushed already, all of `subject`) are found by whoever asks for the referrers of `subject`.
 * An `OCI-Subject` header is not trusted: some registries send it and list nothing.
 * @param announced whether the registry answered `OCI-Subject` to every one of them
 * @throws {OciError} `READBACK_MISMATCH` when the API exists, took them and does not list them; `REFERRERS_CONFLICT`,
 * `REFERRERS_IMMUTABLE_TAG`
 */
export async function ensureListed(
  repository: RepositoryClient,
  subject: Digest,
  referrers: readonly ImageManifest[],
  announced: boolean,
): Promise<'api' | 'fallback-tag'> {
  const path = registryPath(repository.registry);
  // An absence that was seen once holds: the answer depends on the registry and not on the subject.
  if (path.referrersApi !== 'absent') {
    const listed = await listUntil(repository, subject, referrers, announced);
    if (listed !== undefined && namesAll(listed, referrers)) {
      path.referrersApi = 'answers';
      return 'api';
    }
    if (listed !== undefined && (announced || path.referrersApi === 'answers')) {
      throw new OciError(
        'READBACK_MISMATCH',
        `Cannot find the referrers of ${subject}: the registry does not list them`,
        { hint: 'Push again; if it stays so, the registry loses referrers, and docs/registries.md says which do' },
      );
    }
    if (listed === undefined) path.referrersApi = 'absent';
  }
  await addToFallbackIndex(repository, subject, referrers);
  return 'fallback-tag';
}

async function listUntil(
  repository: RepositoryClient,
  subject: Digest,
  referrers: readonly ImageManifest[],
  announced: boolean,
): Promise<Referrers> {
  for (let attempt = 1; ; attempt++) {
    const listed = await repository.listReferrersApi(subject);
    if (listed === undefined || !announced || namesAll(listed, referrers) || attempt === LISTING_ATTEMPTS)
      return listed;
    await sleep(repository.registry.retry.baseDelayMs * attempt);
  }
}

function namesAll(listed: readonly Descriptor[], referrers: readonly ImageManifest[]): boolean {
  const digests = new Set(listed.map((entry) => entry.digest));
  return referrers.every((referrer) => digests.has(referrer.digest));
}
