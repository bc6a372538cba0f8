import {
  array,
  type Decoder,
  integer,
  JsonError,
  literal,
  object,
  optional,
  parseJson,
  refine,
  string,
} from '@paved/json';
import { AttestationError } from './error.js';
import { timestamp } from './timestamp.js';

export const TRUST_MEDIA_TYPE = 'application/vnd.paved.trust.v1+json';

/** Who signs for the road: an issuer and a workflow file, `host/owner/repo/.github/workflows/file.yml`. */
export interface TrustedIdentity {
  readonly issuer: string;
  readonly workflowPath: string;
}

/** `released` from `since` on, or `revoked` with the reason; a revocation counts for every signature, whenever it was made. */
export interface TrustedCommit {
  readonly commit: string;
  readonly status: 'released' | 'revoked';
  readonly since: string;
  readonly version?: string;
  readonly reason?: string;
}

/** docs/schemas/trust.schema.json: `trust.json`, the one list of commits that verification and generated policies read. */
export interface TrustDocument {
  readonly mediaType: typeof TRUST_MEDIA_TYPE;
  /** Grows by one with each change, so that an older copy can be told from a newer one. */
  readonly sequence: number;
  readonly updatedAt: string;
  readonly identities: readonly TrustedIdentity[];
  readonly commits: readonly TrustedCommit[];
}

const COMMIT = /^([0-9a-f]{40}|[0-9a-f]{64})$/;
const MAX_COMMITS = 100_000;
const MAX_REASON = 1000;

const commit: Decoder<TrustedCommit> = refine(
  object({
    commit: string,
    status: literal('released', 'revoked'),
    since: timestamp,
    version: optional(string),
    reason: optional(string),
  }),
  (entry) => {
    if (!COMMIT.test(entry.commit)) throw unexpected('the commit is not 40 or 64 lower-case hexadecimal digits');
    const reason = entry.reason?.trim() ?? '';
    if (entry.status === 'revoked' && reason === '') throw unexpected('a revoked commit has no reason');
    if (reason.length > MAX_REASON) throw unexpected(`the reason is longer than ${MAX_REASON} characters`);
    return entry;
  },
);

const document: Decoder<TrustDocument> = object({
  mediaType: literal(TRUST_MEDIA_TYPE),
  sequence: integer,
  updatedAt: timestamp,
  identities: array(object({ issuer: string, workflowPath: string })),
  commits: refine(array(commit), (commits) => {
    if (commits.length > MAX_COMMITS) throw unexpected(`there are more than ${MAX_COMMITS} commits`);
    // With two entries, which one counts would depend on the reader.
    if (new Set(commits.map((entry) => entry.commit)).size !== commits.length)
      throw unexpected('a commit is there twice');
    return commits;
  }),
});

/**
 * Reads a trust.json; who signed the document is for the caller to check.
 * @throws {AttestationError} `TRUST_MALFORMED` with the field as cause
 */
export function parseTrust(text: string): TrustDocument {
  try {
    return parseJson('the trust document', text, document);
  } catch (cause) {
    throw new AttestationError('TRUST_MALFORMED', 'Cannot read the trust document', {
      cause,
      hint: 'Give the trust.json of a release: released and revoked commits, each once, each revocation with its reason',
    });
  }
}

export function releasedCommits(trust: TrustDocument): readonly string[] {
  return trust.commits.filter(({ status }) => status === 'released').map((entry) => entry.commit);
}

function unexpected(state: string): JsonError {
  return new JsonError('JSON_UNEXPECTED', `Cannot read a trust document: ${state}`);
}
