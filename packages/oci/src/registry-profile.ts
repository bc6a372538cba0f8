/** Registries whose habits are known. Anything else is treated as `unknown`: everything is asked, nothing is assumed. */
export type RegistryName =
  | 'ghcr'
  | 'docker-hub'
  | 'ecr'
  | 'artifact-registry'
  | 'acr'
  | 'harbor'
  | 'quay'
  | 'gitlab'
  | 'distribution'
  | 'zot'
  | 'jfrog'
  | 'crane';

/** What a quirk is about; each has one place in the client that acts on it. */
export type QuirkTopic =
  | 'referrers-api'
  | 'oci-subject'
  | 'missing-subject'
  | 'single-post'
  | 'mount'
  | 'chunks'
  | 'immutable-tags';

/** One way in which a registry differs from distribution-spec 1.1.1, or uses a freedom that it leaves. */
export interface Quirk {
  readonly topic: QuirkTopic;
  /** What the registry does. */
  readonly registry: string;
  /** What this client does about it. */
  readonly client: string;
  /** Where it was observed. */
  readonly source: string;
}

/**
 * What is expected of a registry before it was asked. `referrersApi` and `missingSubject` are never believed: the first answer decides.
 * `singlePost: false` leaves out an attempt that would send small blobs twice.
 */
export interface RegistryProfile {
  readonly name: RegistryName;
  readonly title: string;
  /** Matches a whole host name without port; empty for software that runs under any name. */
  readonly hosts: readonly RegExp[];
  readonly referrersApi: 'answers' | 'absent' | 'unknown';
  readonly missingSubject: 'accepted' | 'refused' | 'unknown';
  readonly singlePost: boolean;
  readonly mount: 'any-blob' | 'referenced-blobs';
  readonly chunks: ChunkLimits;
  /** Whether an administrator can make tags immutable; the distribution API has no way to ask. */
  readonly immutableTags: 'never' | 'setting';
  readonly quirks: readonly Quirk[];
}

/** How far the chunked upload of distribution-spec 1.1.1 can be used to resume. */
export interface ChunkLimits {
  /** Largest body of one PATCH with Content-Range, in bytes; absent when no limit is known. */
  readonly maxBytes?: number;
  /** Whether the `Range` of an answer says how much is stored. */
  readonly trustsRange: boolean;
}
