import type { RunnerFacts } from '@paved/runner-kit';
import type { IdentityPolicy, TokenClaims } from '@paved/sigstore';
import { SignError } from './error.js';

export interface ExpectedWorkflow {
  readonly path: string;
  /** Commit of that file. */
  readonly sha: string;
}

/**
 * Rule 5: the token must be that of this run, in the workflow that was rendered, before it is shown to the authority.
 * @throws {SignError} `CLAIM_MISMATCH` that names the claim, never the token
 */
export function assertJobClaims(
  { all }: TokenClaims,
  runner: RunnerFacts,
  workflow: ExpectedWorkflow | undefined,
): void {
  const pairs: readonly (readonly [string, string])[] = [
    ['repository', runner.repository],
    ['repository_id', runner.repositoryId],
    ['repository_owner_id', runner.ownerId],
    ['sha', runner.sha],
    ['ref', runner.ref],
    ['run_id', runner.runId],
    ['run_attempt', runner.runAttempt],
    ['event_name', runner.eventName],
    ['runner_environment', runner.runnerEnvironment],
    ...(workflow === undefined ? [] : [['job_workflow_sha', workflow.sha] as const]),
  ];
  for (const [claim, expected] of pairs) {
    if (all[claim] !== expected) throw mismatch(claim, all[claim], expected);
  }
  const path = all.job_workflow_ref?.split('@')[0];
  if (workflow !== undefined && path !== workflow.path) throw mismatch('job_workflow_ref', path, workflow.path);
}

/** What our own bundles must verify against: exactly this job. */
export function ownPolicy({ iss, all }: TokenClaims, serverUrl: string): IdentityPolicy {
  const claim = (name: string): string => all[name] ?? '';
  const host = new URL(serverUrl).host;
  return {
    issuer: iss,
    workflowPath: `${host}/${claim('job_workflow_ref').split('@')[0]}`,
    signerDigests: [claim('job_workflow_sha')],
    repositoryId: claim('repository_id'),
    ownerId: claim('repository_owner_id'),
    sourceRef: claim('ref'),
    runnerEnvironment: claim('runner_environment') === 'github-hosted' ? 'github-hosted' : 'self-hosted',
  };
}

function mismatch(claim: string, actual: string | undefined, expected: string): SignError {
  const state = actual === undefined ? 'the token does not have it' : `it is "${actual.slice(0, 300)}"`;
  return new SignError('CLAIM_MISMATCH', `Cannot sign: claim "${claim}" should be "${expected}", ${state}`, {
    hint: 'Sign in the workflow and run that the inputs name; nothing was sent and nothing was signed',
  });
}
