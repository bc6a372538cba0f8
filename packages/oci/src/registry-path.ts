import { OciError } from './error.js';
import type { RepositoryName } from './reference.js';
import type { RegistryClient } from './registry-client.js';
import type { RegistryProfile } from './registry-profile.js';
import { profileOf } from './registry-profiles.js';

/**
 * What one registry has shown so far. Each fact is found out once, by the first request that needs it, and then holds for every
 * repository of the client; a probe of its own would cost requests and, for all but the first fact, write something.
 */
export class RegistryPath {
  readonly profile: RegistryProfile | undefined;
  /** `answers` only after a referrer that was pushed was also listed; OCI-Subject alone proves nothing. */
  referrersApi: 'answers' | 'absent' | 'unknown' = 'unknown';
  /** Whether a manifest was accepted before its subject. */
  missingSubject: 'accepted' | 'refused' | 'unknown';
  /** Whether POST with digest and body stores a blob in one request. */
  singlePost: boolean;
  readonly immutableTags: boolean;
  /** Repositories from which the registry refused to mount; each is asked once. */
  readonly refusedMounts = new Set<RepositoryName>();

  constructor(profile: RegistryProfile | undefined, immutableTags = false) {
    this.profile = profile;
    this.immutableTags = immutableTags;
    // A refusal that is expected is not provoked; an acceptance is never assumed.
    this.missingSubject = profile?.missingSubject === 'refused' ? 'refused' : 'unknown';
    this.singlePost = profile?.singlePost ?? true;
  }

  /**
   * A fallback index changes under its tag with each referrer, which immutable tags forbid.
   * @throws {OciError} `REFERRERS_IMMUTABLE_TAG`
   */
  assertFallbackPossible(registry: string): void {
    if (!this.immutableTags) return;
    throw new OciError(
      'REFERRERS_IMMUTABLE_TAG',
      `Cannot attach referrers on ${registry}: it has no referrers API and its tags are immutable`,
      {
        hint: 'Exempt tags that begin with "sha256-" from immutability, or use a registry with the referrers API (docs/registries.md)',
      },
    );
  }
}

const paths = new WeakMap<RegistryClient, RegistryPath>();

/** The path of `client`; made on first use from the profile of its host. */
export function registryPath(client: RegistryClient): RegistryPath {
  const known = paths.get(client);
  if (known !== undefined) return known;
  const path = new RegistryPath(profileOf(client.registry));
  paths.set(client, path);
  return path;
}

export interface RegistryKnowledge {
  /** For software that runs under a name of its own, such as Harbor. */
  readonly profile?: RegistryProfile | undefined;
  /** Whether tags of the repository cannot be changed once they are set. */
  readonly immutableTags?: boolean | undefined;
}

/** States what cannot be asked of a registry; call it before the first request of `client`. */
export function describeRegistry(client: RegistryClient, knowledge: RegistryKnowledge): RegistryPath {
  const path = new RegistryPath(knowledge.profile ?? profileOf(client.registry), knowledge.immutableTags ?? false);
  paths.set(client, path);
  return path;
}
