import { parseReported, type Reported } from '@paved/gate/results';
import { array, literal, object, parseJson, string, unknown } from '@paved/json';

export const RESCAN_PLAN_MEDIA_TYPE = 'application/vnd.paved.rescan-plan.v1+json';
export const RESCAN_RECORD_MEDIA_TYPE = 'application/vnd.paved.rescan-record.v1+json';

/** One published digest, and the version tags that name it, the newest first. */
export interface PlannedRelease {
  /** registry/repository@digest */
  readonly image: string;
  /** registry/repository: what its issues are about, whatever the version. */
  readonly artifact: string;
  readonly tags: readonly string[];
}

/** What a run looks at; of each artifact the newest release comes first. */
export interface Plan {
  readonly mediaType: typeof RESCAN_PLAN_MEDIA_TYPE;
  /** RFC 3339. */
  readonly at: string;
  readonly releases: readonly PlannedRelease[];
}

/** What `fetch` knows of the digest; written by one leg alone. */
export interface Facts {
  readonly image: string;
  readonly subjectDigest: string;
  /** RFC 3339: when the SBOM was signed, which is when the artifact was published. */
  readonly publishedAt: string;
}

/** What one leg found out. */
export interface LegRecord {
  readonly facts: Facts;
  readonly verdict: Reported;
}

const factsDecoder = object<{ [K in keyof Facts]: typeof string }>({
  image: string,
  subjectDigest: string,
  publishedAt: string,
});
const planDecoder = object({
  mediaType: literal(RESCAN_PLAN_MEDIA_TYPE),
  at: string,
  releases: array(object({ image: string, artifact: string, tags: array(string) })),
});
const recordDecoder = object({ mediaType: literal(RESCAN_RECORD_MEDIA_TYPE), facts: factsDecoder, verdict: unknown });

export function parsePlan(text: string): Plan {
  return parseJson('the plan', text, planDecoder);
}

export function parseFacts(text: string): Facts {
  return parseJson('the facts', text, factsDecoder);
}

/** The verdict in it is held to its own counts, as everywhere. */
export function parseRecord(text: string): LegRecord {
  const { facts, verdict } = parseJson('the record', text, recordDecoder);
  return { facts, verdict: parseReported(JSON.stringify(verdict)) };
}
