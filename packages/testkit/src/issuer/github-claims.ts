/** What of a run differs between tests; everything else of the token follows from it. */
export interface GitHubClaimsOptions {
  /** `owner/name` (default `acme/widget`). */
  readonly repository?: string;
  readonly repositoryId?: string;
  readonly ownerId?: string;
  readonly sha?: string;
  /** Full ref (default `refs/heads/main`). */
  readonly ref?: string;
  readonly event?: string;
  readonly runId?: string;
  readonly runAttempt?: string;
  readonly actor?: string;
  readonly visibility?: 'public' | 'private' | 'internal';
  readonly environment?: string;
  /** `owner/name/.github/workflows/file.yml` of the workflow that the event started (default `<repository>/.github/workflows/release.yml`). */
  readonly workflowPath?: string;
  /** `owner/name/.github/workflows/file.yml@ref` of the workflow that holds the job (default the started workflow itself). */
  readonly jobWorkflowRef?: string;
  /** Commit of `jobWorkflowRef` (default `sha`). */
  readonly jobWorkflowSha?: string;
  readonly runnerEnvironment?: 'github-hosted' | 'self-hosted';
}

/** Claims of a GitHub Actions OIDC token besides `iss`, `aud`, `iat`, `nbf`, `exp` and `jti`, which the issuer sets. All are strings. */
export type GitHubClaims = Readonly<Record<string, string>>;

const DEFAULT_SHA = '1f2e3d4c5b6a79880123456789abcdef01234567';

/** Builds every claim that GitHub's documentation names for a job's token, consistent with each other. */
export function githubClaims(options: GitHubClaimsOptions = {}): GitHubClaims {
  const repository = options.repository ?? 'acme/widget';
  const owner = repository.slice(0, repository.indexOf('/'));
  const ref = options.ref ?? 'refs/heads/main';
  const sha = options.sha ?? DEFAULT_SHA;
  const workflowRef = `${options.workflowPath ?? `${repository}/.github/workflows/release.yml`}@${ref}`;
  const pullRequest = (options.event ?? 'push') === 'pull_request';
  return {
    sub: subject(repository, ref, pullRequest, options.environment),
    actor: options.actor ?? 'octocat',
    actor_id: '583231',
    base_ref: pullRequest ? 'main' : '',
    check_run_id: '70001',
    event_name: options.event ?? 'push',
    head_ref: pullRequest ? 'topic' : '',
    job_workflow_ref: options.jobWorkflowRef ?? workflowRef,
    job_workflow_sha: options.jobWorkflowSha ?? sha,
    ref,
    ref_protected: 'true',
    ref_type: ref.startsWith('refs/tags/') ? 'tag' : 'branch',
    repository,
    repository_id: options.repositoryId ?? '900100',
    repository_owner: owner,
    repository_owner_id: options.ownerId ?? '800200',
    repository_visibility: options.visibility ?? 'public',
    run_attempt: options.runAttempt ?? '1',
    run_id: options.runId ?? '17000000001',
    run_number: '42',
    runner_environment: options.runnerEnvironment ?? 'github-hosted',
    sha,
    workflow: 'release',
    workflow_ref: workflowRef,
    workflow_sha: sha,
    ...(options.environment === undefined ? {} : { environment: options.environment }),
  };
}

function subject(repository: string, ref: string, pullRequest: boolean, environment: string | undefined): string {
  if (environment !== undefined) return `repo:${repository}:environment:${environment.replaceAll(':', '%3A')}`;
  return pullRequest ? `repo:${repository}:pull_request` : `repo:${repository}:ref:${ref}`;
}
