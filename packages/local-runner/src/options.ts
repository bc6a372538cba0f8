import type { GitHubService } from '@paved/testkit';
import type { RunEvent } from './events.js';
import type { Json } from './expression/json-data.js';
import type { JobResult, RunResult } from './result.js';

export interface CallerRepository {
  /** Folder of a git repository that holds `sha`; the working tree is never read. */
  readonly path: string;
  readonly owner: string;
  readonly name: string;
  readonly id: string;
  readonly ownerId: string;
  /** Full ref, `refs/heads/main`. */
  readonly ref: string;
  readonly refProtected: boolean;
  /** Names of branches (default: that of `ref` where it is protected). */
  readonly protectedBranches?: readonly string[];
  /** Commits whose signature the server verified (default none). */
  readonly verifiedCommits?: readonly string[];
  readonly sha: string;
  /** Name of the event, with its payload when the workflow reads `github.event`. */
  readonly event: string | { readonly name: string; readonly payload?: { readonly [key: string]: Json } };
  readonly defaultBranch?: string;
  readonly visibility?: 'public' | 'private' | 'internal';
  readonly actor?: { readonly login: string; readonly id: string };
}

/** Where reusable workflows and `$/` actions live: `owner/name` to a git repository and the commit that a ref stands for. */
export type Repositories = Readonly<
  Record<
    string,
    {
      readonly path: string;
      readonly sha: string;
      /** Full ref for `job_workflow_ref` (default `refs/tags/<ref of the call>`). */
      readonly ref?: string;
    }
  >
>;

/** What the hook between two jobs is told, and the service in which an attacker could change something. */
export interface BetweenFacts {
  readonly job: JobResult;
  readonly services: GitHubService;
}

/**
 * "Re-run failed jobs": a job that succeeded, and that needs no job that runs again, keeps its result and outputs. `jobs` are keys
 * of jobs (or full names of legs) that run again although they succeeded, as "Re-run this job" does.
 */
export interface Rerun {
  readonly previous: RunResult;
  readonly jobs?: readonly string[];
}

/** What a reviewer is asked. */
export interface Deployment {
  readonly environment: string;
  /** Full name of the job. */
  readonly job: string;
}

export interface RunWorkflowOptions {
  readonly callerRepository: CallerRepository;
  /** Of the caller's workflow, in its repository. */
  readonly workflowPath: string;
  readonly repositories?: Repositories;
  readonly services: GitHubService;
  /** Variables added to every step, such as the certificate authorities of loopback services. */
  readonly env?: Readonly<Record<string, string>>;
  /** Inputs of `workflow_dispatch`. */
  readonly inputs?: Readonly<Record<string, string | number | boolean>>;
  readonly onEvent?: (event: RunEvent) => void;
  /** Runs after each executed job and before the next; `jobId` is the job's key in its own file. */
  readonly between?: (jobId: string, facts: BetweenFacts) => void | Promise<void>;
  /** Records every use of a child process by the actions of jobs that hold `id-token: write`. */
  readonly trapProcesses?: boolean;
  /** Origin of the server (default https://github.com). The artifact client works on github.com, tenants of ghe.com and .localhost alone. */
  readonly serverUrl?: string;
  /** Leaves out `job.workflow_sha` and its neighbours, as servers did before they knew them. */
  readonly withoutWorkflowFacts?: boolean;
  /** Makes this the next attempt of a run. */
  readonly rerun?: Rerun;
  /** Asked before a job with an environment starts (default: yes); a job that is not approved fails, as one that a reviewer rejects. */
  readonly approve?: (request: Deployment) => boolean | Promise<boolean>;
  /** Where the machines' folders are made and kept; without it they are temporary and removed. */
  readonly workFolder?: string;
}
