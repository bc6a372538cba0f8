/** A repository as the REST API answers it; its files are read from the git repository at `path`. */
export interface GitHubRepository {
  readonly owner: string;
  readonly name: string;
  readonly id: string;
  readonly ownerId: string;
  /** Folder of a git repository (bare or not); absent means that no contents can be read. */
  readonly path?: string;
  /** Default `main`. */
  readonly defaultBranch?: string;
  /** Branch names, without `refs/heads/` (default: the default branch). */
  readonly protectedBranches?: readonly string[];
  /** Default `public`. */
  readonly visibility?: 'public' | 'private' | 'internal';
  /** Commits whose signature the server verified (default none). */
  readonly verifiedCommits?: readonly string[];
}

export interface GitHubRunOptions {
  /** `owner/name` of a repository that was added before. */
  readonly repository: string;
  readonly sha: string;
  /** Full ref. */
  readonly ref: string;
  readonly event: string;
  /** Path of the started workflow file in the repository. */
  readonly workflowPath: string;
  readonly name?: string;
  readonly actor?: string;
  /** Default 1. */
  readonly attempt?: number;
}

export interface GitHubRun extends Required<GitHubRunOptions> {
  readonly id: number;
  readonly number: number;
  /** Of this attempt: names of artifacts are unique in it. */
  readonly backendId: string;
  /** Of earlier attempts, whose artifacts this one sees. */
  readonly earlierBackendIds: readonly string[];
  readonly startedAt: string;
}

export type PermissionLevel = 'none' | 'read' | 'write';

/** Keys as a workflow writes them (`contents`, `id-token`); an absent key is `none`. */
export type JobPermissions = Readonly<Record<string, PermissionLevel>>;

export interface GitHubJobOptions {
  readonly runId: number;
  /** As the API shows it: `caller / called` for a job of a reusable workflow. */
  readonly name: string;
  readonly permissions: JobPermissions;
  /** Claims of the job's OIDC tokens; `check_run_id` is set by the service. */
  readonly claims: Readonly<Record<string, string>>;
  /** Default `['ubuntu-24.04']`. */
  readonly labels?: readonly string[];
  /** `GitHub Actions` is the group of hosted machines (default). */
  readonly runnerGroup?: string;
}

export type Conclusion = 'success' | 'failure' | 'cancelled' | 'skipped';

export interface GitHubStep {
  readonly name: string;
  readonly number: number;
  readonly conclusion: Conclusion;
  readonly startedAt: string;
  readonly completedAt: string;
}

/** What the service gives a job; every token dies when the job finishes. */
export interface JobCredentials {
  /** Also the `check_run_id`. */
  readonly jobId: number;
  readonly githubToken: string;
  /** Value of ACTIONS_RUNTIME_TOKEN: a JWT with the scope `Actions.Results:<run>:<job>`. */
  readonly runtimeToken: string;
  /** Value of ACTIONS_RESULTS_URL. */
  readonly resultsUrl: string;
  /** Only for jobs with `id-token: write`: ACTIONS_ID_TOKEN_REQUEST_URL and ACTIONS_ID_TOKEN_REQUEST_TOKEN. */
  readonly idToken?: { readonly url: string; readonly token: string };
}

/** One request that reached the service. Headers and bodies are not kept, because they carry tokens. */
export interface GitHubRequest {
  readonly method: string;
  /** Path without query. */
  readonly path: string;
  readonly status: number;
  /** Name of the job whose token was shown, if it was a known one. */
  readonly job?: string;
}
