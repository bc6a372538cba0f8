import { readFile } from 'node:fs/promises';
import { object, parseJson, string } from '@paved/json';
import type { InputsOf, RunnerFacts } from '@paved/runner-kit';
import type { definition } from './definition.js';
import { ProvenanceError } from './error.js';
import type { JobClaims } from './job-claims.js';

type Inputs = InputsOf<typeof definition>;

/**
 * What a token would say, in the words of the runner: nobody vouches for it. A job that could get a token must get one, or a release
 * workflow could be made to skip every check of it with one input.
 * @throws {ProvenanceError} `REHEARSAL_HAS_TOKEN`; `INPUT_INVALID` for a build type that has no place for the mark
 */
export function rehearsedClaims(inputs: Inputs, runner: RunnerFacts): JobClaims {
  if (runner.optional('idTokenRequestUrl') !== undefined) {
    throw new ProvenanceError('REHEARSAL_HAS_TOKEN', 'Cannot rehearse: this job has the permission id-token: write', {
      hint: 'Rehearse in a job without id-token, or leave out rehearsal and describe the release',
    });
  }
  if (inputs['build-type'] !== 'release-artifact') {
    throw new ProvenanceError('INPUT_INVALID', `Cannot rehearse build type "${inputs['build-type']}"`, {
      hint: 'It has no member that says that this is no release; use release-artifact',
    });
  }
  return {
    iss: 'rehearsal',
    repository: runner.repository,
    repository_id: runner.repositoryId,
    repository_owner_id: runner.ownerId,
    sha: runner.sha,
    ref: runner.ref,
    event_name: runner.eventName,
    workflow_ref: runner.workflowRef,
    job_workflow_ref: `${inputs['expected-workflow-path']}@${inputs['expected-workflow-sha']}`,
    job_workflow_sha: inputs['expected-workflow-sha'],
    run_id: runner.runId,
    run_attempt: runner.runAttempt,
    runner_environment: runner.runnerEnvironment,
  };
}

const pullRequestEvent = object({ pull_request: object({ head: object({ sha: string }) }) });

/**
 * Commit that the jobs API names for this run: of a pull request the head of its branch, while the run builds the merge.
 * @throws {ProvenanceError} `EVENT_UNREADABLE`
 */
export async function rehearsedHead(runner: RunnerFacts): Promise<string> {
  if (runner.eventName !== 'pull_request') return runner.sha;
  try {
    return parseJson('the event', await readFile(runner.eventPath, 'utf8'), pullRequestEvent).pull_request.head.sha;
  } catch (cause) {
    throw new ProvenanceError('EVENT_UNREADABLE', 'Cannot find the commit of the pull request in its event', {
      cause,
      hint: 'Run it on the event of GitHub itself',
    });
  }
}
