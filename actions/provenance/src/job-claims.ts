import { type Decoder, object, optional, parseJson, string } from '@paved/json';
import { ProvenanceError } from './error.js';

/** The claims of a job's token that provenance is made of; GitHub sends all of them as strings (its OIDC reference). */
export interface JobClaims {
  readonly iss: string;
  readonly repository: string;
  readonly repository_id: string;
  readonly repository_owner_id: string;
  readonly sha: string;
  readonly ref: string;
  readonly event_name: string;
  readonly workflow_ref: string;
  readonly workflow_sha?: string;
  /** `owner/name/path@ref` of the workflow file that holds the job: the builder. */
  readonly job_workflow_ref: string;
  /** Commit of that file; covers everything that was fixed when it was rendered. */
  readonly job_workflow_sha: string;
  readonly run_id: string;
  readonly run_attempt: string;
  readonly runner_environment: string;
  readonly actor_id?: string;
  readonly environment?: string;
  readonly repository_visibility?: string;
  /** `true` or `false`; absent on old servers. */
  readonly ref_protected?: string;
  /** Id of this job in the jobs API; absent on old servers. */
  readonly check_run_id?: string;
}

const decodeClaims: Decoder<JobClaims> = object({
  iss: string,
  repository: string,
  repository_id: string,
  repository_owner_id: string,
  sha: string,
  ref: string,
  event_name: string,
  workflow_ref: string,
  workflow_sha: optional(string),
  job_workflow_ref: string,
  job_workflow_sha: string,
  run_id: string,
  run_attempt: string,
  runner_environment: string,
  actor_id: optional(string),
  environment: optional(string),
  repository_visibility: optional(string),
  ref_protected: optional(string),
  check_run_id: optional(string),
});

/** @throws {ProvenanceError} `CLAIM_MISSING` that names the claim */
export function parseJobClaims(payload: unknown): JobClaims {
  try {
    return parseJson('the claims of the token', JSON.stringify(payload), decodeClaims);
  } catch (cause) {
    throw new ProvenanceError('CLAIM_MISSING', 'Cannot use the OIDC token: a claim is missing or no text', {
      cause,
      hint: 'The issuer must be GitHub Actions; other CI systems do not send these claims',
    });
  }
}

/** What the platform says about this job; each member is compared with the claim of the same meaning. */
export interface ExpectedRun {
  readonly repository: string;
  readonly repositoryId: string;
  readonly ownerId: string;
  readonly sha: string;
  readonly ref: string;
  readonly runId: string;
  readonly runAttempt: string;
  readonly eventName: string;
  readonly runnerEnvironment: string;
  /** `owner/name/.github/workflows/file.yml`, fixed when the workflow was rendered. */
  readonly workflowPath: string;
  readonly workflowSha: string;
}

/**
 * Rule 5: a token of another run, of another workflow or of another commit describes another build.
 * @throws {ProvenanceError} `CLAIM_MISMATCH` that names the first claim that differs
 */
export function assertClaims(claims: JobClaims, expected: ExpectedRun): void {
  assertWorkflowPath(claims.job_workflow_ref, expected.workflowPath);
  const pairs: readonly (readonly [keyof JobClaims, string])[] = [
    ['job_workflow_sha', expected.workflowSha],
    ['repository', expected.repository],
    ['repository_id', expected.repositoryId],
    ['repository_owner_id', expected.ownerId],
    ['sha', expected.sha],
    ['ref', expected.ref],
    ['run_id', expected.runId],
    ['run_attempt', expected.runAttempt],
    ['event_name', expected.eventName],
    ['runner_environment', expected.runnerEnvironment],
  ];
  for (const [claim, value] of pairs) {
    if (claims[claim] !== value) throw mismatch(claim, claims[claim] ?? '', value);
  }
}

/** Splits at the first `@`: a repository or workflow path cannot contain one, a ref can. */
export function splitWorkflowRef(workflowRef: string): { readonly path: string; readonly ref: string } {
  const match = /^([^@]+)@(.+)$/s.exec(workflowRef);
  if (match?.[1] === undefined || match[2] === undefined)
    throw mismatch('job_workflow_ref', workflowRef, '<path>@<ref>');
  return { path: match[1], ref: match[2] };
}

function assertWorkflowPath(workflowRef: string, expectedPath: string): void {
  const { path } = splitWorkflowRef(workflowRef);
  if (path !== expectedPath) throw mismatch('job_workflow_ref', path, expectedPath);
}

function mismatch(claim: string, actual: string, expected: string): ProvenanceError {
  return new ProvenanceError(
    'CLAIM_MISMATCH',
    `Cannot accept the OIDC token: its ${claim} is "${actual.slice(0, 300)}", this job's is "${expected.slice(0, 300)}"`,
    {
      hint: 'Call the released workflow directly, and run no step between it and this one that changes the environment',
    },
  );
}
