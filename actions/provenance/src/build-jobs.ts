import type { HttpClient } from '@paved/http';
import { array, integer, nullable, object, optional, string } from '@paved/json';
import { ProvenanceError } from './error.js';

/** One job as the API describes it; its words are kept verbatim, because they prove no more than that the API said so. */
export interface ApiJob {
  readonly id: number;
  readonly run_id: number;
  readonly head_sha: string;
  readonly name: string;
  readonly status: string;
  readonly conclusion: string | null;
  readonly started_at: string | null;
  readonly completed_at: string | null;
  readonly runner_id: number | null;
  readonly runner_name: string | null;
  readonly runner_group_name: string | null;
  readonly labels: readonly string[];
}

const decodePage = object({
  total_count: integer,
  jobs: array(
    object({
      id: integer,
      run_id: integer,
      head_sha: string,
      name: string,
      status: string,
      conclusion: nullable(string),
      started_at: nullable(string),
      completed_at: nullable(string),
      runner_id: nullable(integer),
      runner_name: nullable(string),
      runner_group_name: nullable(string),
      labels: array(string),
      run_attempt: optional(integer),
    }),
  ),
});

const PAGE_SIZE = 100;
/** GitHub allows 256 matrix legs for each job; more than this many jobs is not a release. */
const MAX_PAGES = 20;

export interface RunAddress {
  /** The server's own API; the token goes nowhere else. */
  readonly apiUrl: string;
  readonly repository: string;
  readonly runId: string;
  readonly runAttempt: string;
}

/** All jobs of one attempt; redirects are refused, so the token stays with `apiUrl`. */
export async function fetchJobs(http: HttpClient, run: RunAddress, githubToken: string): Promise<readonly ApiJob[]> {
  const path = `/repos/${run.repository}/actions/runs/${run.runId}/attempts/${run.runAttempt}/jobs`;
  const jobs: ApiJob[] = [];
  for (let page = 1; page <= MAX_PAGES; page++) {
    const answer = await http.request({
      method: 'GET',
      url: `${run.apiUrl}${path}?per_page=${PAGE_SIZE}&page=${page}`,
      headers: {
        authorization: `Bearer ${githubToken}`,
        accept: 'application/vnd.github+json',
        'x-github-api-version': '2022-11-28',
      },
    });
    const { jobs: found, total_count } = await answer.json(decodePage);
    jobs.push(...found);
    if (jobs.length >= total_count || found.length === 0) return jobs;
  }
  throw new ProvenanceError('JOB_NOT_FOUND', `Cannot list the jobs of run ${run.runId}: there are too many`, {
    hint: 'Split the workflow: a run that releases has fewer jobs',
  });
}

export interface JobExpectations {
  /** Job names inside the reusable workflow, as its file names them. */
  readonly buildJobs: readonly string[];
  readonly runId: string;
  readonly sha: string;
  /** Id of this very job, from the token; it tells which caller's jobs are ours. */
  readonly ownJobId: string | undefined;
  readonly allowSelfHosted: boolean;
  /** Names of runner groups that GitHub operates; larger runners have groups of their own. */
  readonly hostedRunnerGroups: readonly string[];
}

/**
 * Rule 5: the certificate only proves where the seal ran, so each build job is looked up. Every job with an expected name must
 * hold, not one of them: a caller can name a job of its own "x / build".
 * @returns the build jobs, by name
 * @throws {ProvenanceError} `JOB_NOT_FOUND`, `JOB_NOT_SUCCESSFUL`, `RUNNER_NOT_HOSTED`, `SOURCE_MISMATCH`
 */
export function selectBuildJobs(jobs: readonly ApiJob[], expected: JobExpectations): readonly ApiJob[] {
  const prefix = callerPrefix(jobs, expected.ownJobId);
  const selected = expected.buildJobs.flatMap((name) => {
    const found = jobs.filter((job) => isNamed(job.name, name, prefix));
    if (found.length === 0) {
      throw new ProvenanceError('JOB_NOT_FOUND', `Cannot find job "${name}" in run ${expected.runId}`, {
        hint: 'build-jobs must name the jobs as the reusable workflow does, and the token needs actions: read',
      });
    }
    return found;
  });
  for (const job of selected) assertJob(job, expected);
  return selected.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** First start and last end of the build, in the API's words. */
export function buildTimes(jobs: readonly ApiJob[]): { readonly startedOn?: string; readonly finishedOn?: string } {
  const started = jobs.flatMap((job) => job.started_at ?? []).sort(byTime);
  const finished = jobs.flatMap((job) => job.completed_at ?? []).sort(byTime);
  const [first, last] = [started[0], finished.at(-1)];
  return { ...(first === undefined ? {} : { startedOn: first }), ...(last === undefined ? {} : { finishedOn: last }) };
}

function byTime(a: string, b: string): number {
  return Date.parse(a) - Date.parse(b);
}

/** `caller / ` of "caller / seal"; `undefined` where the server does not say which job this is. */
function callerPrefix(jobs: readonly ApiJob[], ownJobId: string | undefined): string | undefined {
  if (ownJobId === undefined) return undefined;
  const own = jobs.find((job) => String(job.id) === ownJobId);
  if (own === undefined) {
    throw new ProvenanceError(
      'JOB_NOT_FOUND',
      `Cannot find this job (${ownJobId.slice(0, 40)}) among the jobs of its run`,
      {
        hint: 'Run it again; if that fails too, report the names of the jobs, which the API shows in another form than expected',
      },
    );
  }
  const separator = own.name.lastIndexOf(' / ');
  return separator === -1 ? '' : own.name.slice(0, separator + 3);
}

/** A leg of a matrix is "build (linux, amd64)". */
function isNamed(jobName: string, name: string, prefix: string | undefined): boolean {
  const separator = jobName.lastIndexOf(' / ');
  const local = separator === -1 ? jobName : jobName.slice(separator + 3);
  if (local !== name && !local.startsWith(`${name} (`)) return false;
  return prefix === undefined || jobName.slice(0, jobName.length - local.length) === prefix;
}

function assertJob(job: ApiJob, expected: JobExpectations): void {
  const name = job.name.slice(0, 200);
  if (String(job.run_id) !== expected.runId || job.head_sha !== expected.sha) {
    throw new ProvenanceError('SOURCE_MISMATCH', `Cannot accept job "${name}": it belongs to another run or commit`, {
      hint: 'Build and seal in one run: name the build job of this run in build-jobs',
    });
  }
  if (job.status !== 'completed' || job.conclusion !== 'success') {
    throw new ProvenanceError(
      'JOB_NOT_SUCCESSFUL',
      `Cannot accept job "${name}": it is ${job.conclusion ?? job.status}`,
      { hint: 'Let the sealing job need the build job, and start after success alone' },
    );
  }
  if (!expected.allowSelfHosted && !isHosted(job, expected.hostedRunnerGroups)) {
    throw new ProvenanceError('RUNNER_NOT_HOSTED', `Cannot accept job "${name}": it ran on a self-hosted runner`, {
      hint: 'Run it on a GitHub-hosted runner, or set allow-self-hosted, which the provenance will state',
    });
  }
}

/** A self-hosted runner can carry a hosted label (slsa-github-generator, issue 1868), but not join a group of GitHub's. */
function isHosted(job: ApiJob, hostedGroups: readonly string[]): boolean {
  if (job.labels.some((label) => label.toLowerCase() === 'self-hosted')) return false;
  return job.runner_group_name !== null && hostedGroups.includes(job.runner_group_name);
}
