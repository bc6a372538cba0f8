/** Freedoms that the specification leaves, and ways in which registries leave the specification. Every default is the plain registry. */
export interface RegistryBehaviour {
  /** `false`: 404 on the referrers API, so that clients must keep the fallback tag (default `true`, as the specification demands). */
  readonly referrers?: boolean;
  /** Whether the PUT of a referrer is answered with `OCI-Subject` (default: as `referrers`). */
  readonly announceSubject?: boolean;
  /** `false`: `artifactType` is ignored, and `OCI-Filters-Applied` is missing (default `true`). */
  readonly appliesFilters?: boolean;
  /** Referrers on one page of the list; default: all. */
  readonly referrersPerPage?: number;
  /** `false`: a manifest whose subject is not there yet is refused (default `true`, as the specification demands). */
  readonly acceptMissingSubject?: boolean;
  /** Default 400. */
  readonly missingSubjectStatus?: number;
  /** `false`: If-Match and If-None-Match of a PUT are ignored, although GET answers an ETag (default `true`). */
  readonly conditionalPut?: boolean;
  /** `false`: POST with a digest ignores the body and opens a session (default `true`). */
  readonly singlePost?: boolean;
  /** `true`: only blobs that a manifest of the source names are mounted; others get a session. */
  readonly mountReferencedOnly?: boolean;
  /** `true`: a mount without `from` is an error instead of a session. */
  readonly mountNeedsFrom?: boolean;
  /** Status of a mount from a repository that is not there; default: a session, as the specification demands. */
  readonly unknownMountStatus?: number;
  /** Largest body of a PATCH with Content-Range, in bytes; more is answered with 416. */
  readonly maxRangeBytes?: number;
  /** Smallest body of a PATCH but the last, in bytes; announced as `OCI-Chunk-Min-Length`. */
  readonly minChunkBytes?: number;
  /** `true`: `Range` keeps saying the end of the first chunk. */
  readonly rangeStays?: boolean;
  /** `true`: a tag that exists cannot name another digest. */
  readonly immutableTags?: boolean;
  /** Default 409. */
  readonly immutableStatus?: number;
}
