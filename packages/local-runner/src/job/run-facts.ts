import type { GitHubRun, GitHubService } from '@paved/testkit';
import type { Json } from '../expression/json-data.js';
import type { CallerRepository, Deployment, Repositories } from '../options.js';
import type { JobResult } from '../result.js';
import type { Parsers } from '../workflow/load-parser.js';
import type { WorkflowModel } from '../workflow/model.js';

/** What is the same for all jobs of a run. */
export interface RunFacts {
  readonly parsers: Parsers;
  readonly services: GitHubService;
  readonly caller: CallerRepository;
  /** Where actions of other repositories live. */
  readonly repositories: Repositories;
  readonly eventName: string;
  readonly event: { readonly [key: string]: Json };
  readonly run: GitHubRun;
  /** Results that an earlier attempt left and this one keeps, by full name. */
  readonly kept: ReadonlyMap<string, JobResult>;
  readonly approve: (request: Deployment) => boolean | Promise<boolean>;
  /** The workflow that the event started. */
  readonly workflow: WorkflowModel;
  readonly serverUrl: string;
  readonly withoutWorkflowFacts: boolean;
  readonly env: Readonly<Record<string, string>>;
  readonly trapProcesses: boolean;
  /** Folder under which machines are made. */
  readonly root: string;
}

export function workflowRef(workflow: WorkflowModel): string {
  return `${workflow.source.repository}/${workflow.source.path}@${workflow.source.ref}`;
}

/**
 * The `github` context as strings, without token, event and what differs per step. It describes the caller even in a called
 * workflow, as on the service.
 */
export function githubFacts(facts: RunFacts): Readonly<Record<string, string>> {
  const { caller, run, services, workflow } = facts;
  const pullRequest = facts.eventName === 'pull_request';
  const actor = caller.actor ?? { login: run.actor, id: '583231' };
  return {
    actor: actor.login,
    actor_id: actor.id,
    api_url: services.url,
    base_ref: pullRequest ? branchOf(facts.event, 'base') : '',
    event_name: facts.eventName,
    graphql_url: `${services.url}/graphql`,
    head_ref: pullRequest ? branchOf(facts.event, 'head') : '',
    ref: caller.ref,
    ref_name: caller.ref.replace(/^refs\/(heads|tags|pull)\//, ''),
    ref_protected: String(caller.refProtected),
    ref_type: caller.ref.startsWith('refs/tags/') ? 'tag' : 'branch',
    repository: run.repository,
    repository_id: caller.id,
    repository_owner: caller.owner,
    repository_owner_id: caller.ownerId,
    retention_days: '90',
    run_attempt: String(run.attempt),
    run_id: String(run.id),
    run_number: String(run.number),
    server_url: facts.serverUrl,
    sha: caller.sha,
    triggering_actor: actor.login,
    workflow: workflow.name,
    workflow_ref: workflowRef(workflow),
    workflow_sha: workflow.source.sha,
  };
}

function branchOf(event: RunFacts['event'], side: 'base' | 'head'): string {
  const request = event.pull_request as { readonly [key: string]: { readonly ref?: Json } } | undefined;
  return String(request?.[side]?.ref ?? '');
}

/** Claims of a job's OIDC token besides those that the issuer and the service set (docs, "OpenID Connect reference"). */
export function jobClaims(
  facts: RunFacts,
  job: WorkflowModel,
  environment: string | undefined,
  hosted: boolean,
): Readonly<Record<string, string>> {
  const github = githubFacts(facts);
  const copied = ['actor', 'actor_id', 'base_ref', 'event_name', 'head_ref', 'ref', 'ref_protected', 'ref_type'];
  copied.push('repository', 'repository_id', 'repository_owner', 'repository_owner_id', 'run_attempt', 'run_id');
  copied.push('run_number', 'sha', 'workflow', 'workflow_ref', 'workflow_sha');
  return {
    ...Object.fromEntries(copied.map((name) => [name, github[name] ?? ''])),
    sub: subject(github, environment),
    job_workflow_ref: workflowRef(job),
    job_workflow_sha: job.source.sha,
    repository_visibility: facts.caller.visibility ?? 'public',
    runner_environment: hosted ? 'github-hosted' : 'self-hosted',
    ...(environment === undefined ? {} : { environment }),
  };
}

function subject(github: Readonly<Record<string, string>>, environment: string | undefined): string {
  const prefix = `repo:${github.repository}`;
  if (environment !== undefined) return `${prefix}:environment:${environment.replaceAll(':', '%3A')}`;
  return github.event_name === 'pull_request' ? `${prefix}:pull_request` : `${prefix}:ref:${github.ref}`;
}
