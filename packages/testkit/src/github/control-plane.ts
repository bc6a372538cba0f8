import { randomBytes, randomUUID } from 'node:crypto';
import type {
  Conclusion,
  GitHubJobOptions,
  GitHubRepository,
  GitHubRun,
  GitHubRunOptions,
  GitHubStep,
  JobCredentials,
  PermissionLevel,
} from './model.js';

const FIRST_RUN_ID = 17_000_000_001;
const FIRST_JOB_ID = 52_000_000_001;
const LEVELS: readonly PermissionLevel[] = ['none', 'read', 'write'];

export interface JobRecord {
  readonly id: number;
  readonly backendId: string;
  readonly run: GitHubRun;
  readonly options: GitHubJobOptions;
  readonly githubToken: string;
  readonly runtimeToken: string;
  readonly startedAt: string;
  readonly steps: GitHubStep[];
  completedAt: string | undefined;
  conclusion: Conclusion | undefined;
}

/** What the service knows: repositories, runs, jobs, and whose token is whose. Tokens of finished jobs are unknown. */
export class ControlPlane {
  readonly #repositories = new Map<string, GitHubRepository>();
  readonly #runs = new Map<number, GitHubRun>();
  readonly #jobs = new Map<number, JobRecord>();

  addRepository(repository: GitHubRepository): void {
    this.#repositories.set(`${repository.owner}/${repository.name}`.toLowerCase(), repository);
  }

  repository(fullName: string): GitHubRepository | undefined {
    return this.#repositories.get(fullName.toLowerCase());
  }

  createRun(options: GitHubRunOptions): GitHubRun {
    if (this.repository(options.repository) === undefined) {
      throw new Error(`Cannot create a run of "${options.repository}": the repository was not added`);
    }
    const run: GitHubRun = {
      name: 'workflow',
      actor: 'octocat',
      attempt: 1,
      ...options,
      id: FIRST_RUN_ID + this.#runs.size,
      number: this.#runs.size + 1,
      backendId: randomUUID(),
      earlierBackendIds: [],
      startedAt: new Date().toISOString(),
    };
    this.#runs.set(run.id, run);
    return run;
  }

  /**
   * The next attempt of a run. The jobs of `kept` (names) do not run again: the new attempt lists them with ids of
   * its own and everything else as it was.
   */
  rerun(id: number, kept: readonly string[]): GitHubRun {
    const previous = this.#runs.get(id);
    if (previous === undefined) throw new Error(`Cannot run ${id} again: it does not exist`);
    const run = {
      ...previous,
      attempt: previous.attempt + 1,
      backendId: randomUUID(),
      earlierBackendIds: [...previous.earlierBackendIds, previous.backendId],
      startedAt: new Date().toISOString(),
    };
    const jobs = this.jobsOf(previous).filter((job) => kept.includes(job.options.name));
    this.#runs.set(id, run);
    for (const job of jobs) {
      const copy = { ...job, id: FIRST_JOB_ID + this.#jobs.size, run };
      this.#jobs.set(copy.id, copy);
    }
    return run;
  }

  run(id: number): GitHubRun | undefined {
    return this.#runs.get(id);
  }

  startJob(options: GitHubJobOptions): JobRecord {
    const run = this.#runs.get(options.runId);
    if (run === undefined) throw new Error(`Cannot start job "${options.name}": run ${options.runId} does not exist`);
    const backendId = randomUUID();
    const job: JobRecord = {
      id: FIRST_JOB_ID + this.#jobs.size,
      backendId,
      run,
      options,
      githubToken: `ghs_${randomBytes(27).toString('base64url').replaceAll(/[-_]/g, '0')}`,
      runtimeToken: runtimeToken(run.backendId, backendId),
      startedAt: new Date().toISOString(),
      steps: [],
      completedAt: undefined,
      conclusion: undefined,
    };
    this.#jobs.set(job.id, job);
    return job;
  }

  job(id: number): JobRecord {
    const job = this.#jobs.get(id);
    if (job === undefined) throw new Error(`Cannot find job ${id}: it was not started`);
    return job;
  }

  jobsOf(run: GitHubRun): readonly JobRecord[] {
    return [...this.#jobs.values()].filter((job) => job.run.id === run.id && job.run.attempt === run.attempt);
  }

  finishJob(id: number, conclusion: Conclusion): void {
    const job = this.job(id);
    job.conclusion = conclusion;
    job.completedAt = new Date().toISOString();
  }

  /** The running job that holds this GITHUB_TOKEN or runtime token. */
  jobByToken(kind: 'githubToken' | 'runtimeToken', token: string | undefined): JobRecord | undefined {
    return [...this.#jobs.values()].find((job) => job.conclusion === undefined && job[kind] === token);
  }
}

export function hasPermission(job: JobRecord, scope: string, level: PermissionLevel): boolean {
  return LEVELS.indexOf(job.options.permissions[scope] ?? 'none') >= LEVELS.indexOf(level);
}

export function credentialsOf(job: JobRecord, url: string): JobCredentials {
  const credentials = {
    jobId: job.id,
    githubToken: job.githubToken,
    runtimeToken: job.runtimeToken,
    resultsUrl: `${url}/`,
  };
  if (!hasPermission(job, 'id-token', 'write')) return credentials;
  // The request token is the runtime token's value on the real service too, and the URL ends where `&audience=` is appended.
  return {
    ...credentials,
    idToken: { url: `${url}/_oidc/token?job=${job.id}&api-version=2.0`, token: job.runtimeToken },
  };
}

/** Clients read the scope without a key; the service itself knows its tokens by value. */
function runtimeToken(runBackendId: string, jobBackendId: string): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = {
    scp: `Actions.Example Actions.Results:${runBackendId}:${jobBackendId}`,
    exp: Math.floor(Date.now() / 1000) + 6 * 3600,
  };
  return `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}.${randomBytes(32).toString('base64url')}`;
}
