import { type Answer, jsonAnswer } from './answer.js';
import { type ControlPlane, hasPermission, type JobRecord } from './control-plane.js';
import type { Exchange } from './exchange.js';
import { branchCommit, commitsBetween, readGitObject } from './git-contents.js';
import type { GitHubRepository, GitHubRun } from './model.js';

const DEFAULT_PER_PAGE = 30;
const MAX_PER_PAGE = 100;
const DEFAULT_LABELS = ['ubuntu-24.04'];

interface Call {
  readonly exchange: Exchange;
  readonly plane: ControlPlane;
  readonly repository: GitHubRepository;
  readonly url: string;
}

interface Route {
  readonly pattern: RegExp;
  /** Scope that the token must hold with `read`; every token may read the repository's metadata. */
  readonly scope?: string;
  readonly handle: (call: Call, parts: readonly string[]) => Answer | Promise<Answer>;
}

const ROUTES: readonly Route[] = [
  { pattern: /^$/, handle: getRepository },
  { pattern: /^\/branches\/(.+)$/, scope: 'contents', handle: getBranch },
  { pattern: /^\/contents\/(.*)$/, scope: 'contents', handle: getContents },
  { pattern: /^\/compare\/([^/]+)\.\.\.([^/]+)$/, scope: 'contents', handle: compareCommits },
  { pattern: /^\/actions\/runs\/(\d+)(?:\/attempts\/(\d+))?$/, scope: 'actions', handle: getRun },
  { pattern: /^\/actions\/runs\/(\d+)(?:\/attempts\/(\d+))?\/jobs$/, scope: 'actions', handle: listJobs },
];

export function isRestCall(exchange: Exchange): boolean {
  return exchange.url.pathname.startsWith('/repos/');
}

/** The part of the REST API that the road uses; read only, and only for the repository of the token's job. */
export async function handleRestCall(exchange: Exchange, plane: ControlPlane, url: string): Promise<Answer> {
  const job = plane.jobByToken('githubToken', exchange.bearer);
  if (job === undefined) return apiError(401, 'Bad credentials');
  exchange.job = job.options.name;
  const match = /^\/repos\/([^/]+\/[^/]+)(\/.*)?$/.exec(exchange.url.pathname);
  const repository = plane.repository(decodeURIComponent(match?.[1] ?? ''));
  if (repository === undefined || !mayRead(job, repository)) return apiError(404, 'Not Found');
  const rest = match?.[2] ?? '';
  const route = ROUTES.find((candidate) => candidate.pattern.test(rest));
  if (route === undefined || exchange.method !== 'GET') return apiError(404, 'Not Found');
  if (route.scope !== undefined && !hasPermission(job, route.scope, 'read')) {
    return apiError(403, 'Resource not accessible by integration');
  }
  const parts = route.pattern.exec(rest)?.slice(1) ?? [];
  return await route.handle(
    { exchange, plane, repository, url },
    parts.map((part) => decodeURIComponent(part ?? '')),
  );
}

function mayRead(job: JobRecord, repository: GitHubRepository): boolean {
  const own = `${repository.owner}/${repository.name}`.toLowerCase() === job.run.repository.toLowerCase();
  return own || (repository.visibility ?? 'public') === 'public';
}

function getRepository({ repository }: Call): Answer {
  const visibility = repository.visibility ?? 'public';
  return jsonAnswer(200, {
    id: Number(repository.id),
    name: repository.name,
    full_name: `${repository.owner}/${repository.name}`,
    owner: { login: repository.owner, id: Number(repository.ownerId), type: 'Organization' },
    private: visibility !== 'public',
    visibility,
    default_branch: repository.defaultBranch ?? 'main',
  });
}

async function getBranch({ repository }: Call, [name = '']: readonly string[]): Promise<Answer> {
  const sha = repository.path === undefined ? undefined : await branchCommit(repository.path, name);
  if (sha === undefined) return apiError(404, 'Branch not found');
  const protectedBranches = repository.protectedBranches ?? [repository.defaultBranch ?? 'main'];
  return jsonAnswer(200, { name, commit: { sha }, protected: protectedBranches.includes(name) });
}

async function compareCommits(
  { exchange, repository }: Call,
  [base = '', head = '']: readonly string[],
): Promise<Answer> {
  const commits = repository.path === undefined ? undefined : await commitsBetween(repository.path, base, head);
  if (commits === undefined) return apiError(404, 'Not Found');
  const { start, end } = pageOf(exchange);
  return jsonAnswer(200, {
    total_commits: commits.length,
    commits: commits.slice(start, end).map((sha) => {
      const verified = repository.verifiedCommits?.includes(sha) ?? false;
      return { sha, commit: { verification: { verified, reason: verified ? 'valid' : 'unsigned' } } };
    }),
  });
}

async function getContents({ exchange, repository }: Call, [path = '']: readonly string[]): Promise<Answer> {
  const ref = exchange.query('ref') ?? repository.defaultBranch ?? 'main';
  const object = repository.path === undefined ? undefined : await readGitObject(repository.path, ref, path);
  if (object === undefined) return apiError(404, 'Not Found');
  if (object.kind === 'folder') {
    return jsonAnswer(
      200,
      object.entries.map((entry) => ({ ...entry, path: path === '' ? entry.name : `${path}/${entry.name}` })),
    );
  }
  if (/application\/vnd\.github(\.v3)?\.raw/.test(exchange.header('accept') ?? '')) {
    return {
      status: 200,
      headers: { 'content-type': 'application/vnd.github.raw; charset=utf-8' },
      bytes: object.bytes,
    };
  }
  return jsonAnswer(200, {
    type: 'file',
    name: path.slice(path.lastIndexOf('/') + 1),
    path,
    sha: object.sha,
    size: object.bytes.length,
    encoding: 'base64',
    content: object.bytes.toString('base64').replaceAll(/(.{60})/g, '$1\n'),
  });
}

function findRun({ plane, repository }: Call, id: string, attempt: string): GitHubRun | undefined {
  const run = plane.run(Number(id));
  const own = run?.repository.toLowerCase() === `${repository.owner}/${repository.name}`.toLowerCase();
  return own && (attempt === '' || Number(attempt) === run?.attempt) ? run : undefined;
}

function getRun(call: Call, [id = '', attempt = '']: readonly string[]): Answer {
  const run = findRun(call, id, attempt);
  if (run === undefined) return apiError(404, 'Not Found');
  const done = call.plane.jobsOf(run).every((job) => job.conclusion !== undefined);
  return jsonAnswer(200, {
    id: run.id,
    name: run.name,
    path: run.workflowPath,
    run_number: run.number,
    run_attempt: run.attempt,
    event: run.event,
    head_sha: run.sha,
    head_branch: run.ref.replace(/^refs\/(heads|tags)\//, ''),
    status: done ? 'completed' : 'in_progress',
    actor: { login: run.actor },
    run_started_at: run.startedAt,
    created_at: run.startedAt,
    repository: { id: Number(call.repository.id), full_name: run.repository },
  });
}

function listJobs(call: Call, [id = '', attempt = '']: readonly string[]): Answer {
  const run = findRun(call, id, attempt);
  if (run === undefined) return apiError(404, 'Not Found');
  const jobs = call.plane.jobsOf(run);
  const { start, end } = pageOf(call.exchange);
  const page = jobs.slice(start, end).map((job) => jobDocument(job, call.url));
  return jsonAnswer(200, { total_count: jobs.length, jobs: page });
}

function pageOf(exchange: Exchange): { readonly start: number; readonly end: number } {
  const perPage = Math.min(Number(exchange.query('per_page') ?? DEFAULT_PER_PAGE), MAX_PER_PAGE);
  const start = (Number(exchange.query('page') ?? 1) - 1) * perPage;
  return { start, end: start + perPage };
}

function jobDocument(job: JobRecord, url: string): unknown {
  return {
    id: job.id,
    run_id: job.run.id,
    run_attempt: job.run.attempt,
    run_url: `${url}/repos/${job.run.repository}/actions/runs/${job.run.id}`,
    head_sha: job.run.sha,
    head_branch: job.run.ref.replace(/^refs\/(heads|tags)\//, ''),
    workflow_name: job.run.name,
    name: job.options.name,
    status: job.conclusion === undefined ? 'in_progress' : 'completed',
    conclusion: job.conclusion ?? null,
    created_at: job.startedAt,
    started_at: job.startedAt,
    completed_at: job.completedAt ?? null,
    labels: job.options.labels ?? DEFAULT_LABELS,
    runner_id: job.id - 52_000_000_000,
    runner_name: job.options.runnerGroup === undefined ? `GitHub Actions ${job.id - 52_000_000_000}` : 'own-runner',
    runner_group_id: 0,
    runner_group_name: job.options.runnerGroup ?? 'GitHub Actions',
    steps: job.steps.map((step) => ({
      name: step.name,
      number: step.number,
      status: 'completed',
      conclusion: step.conclusion,
      started_at: step.startedAt,
      completed_at: step.completedAt,
    })),
  };
}

function apiError(status: number, message: string): Answer {
  return jsonAnswer(status, { message, documentation_url: 'https://docs.github.com/rest', status: String(status) });
}
