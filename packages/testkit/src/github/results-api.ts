import { gunzipSync } from 'node:zlib';
import { type Answer, jsonAnswer } from './answer.js';
import { type ControlPlane, hasPermission, type JobRecord } from './control-plane.js';
import type { Exchange } from './exchange.js';

const BOT = { login: 'github-actions[bot]', type: 'Bot' };
const MAX_BODY = 65_536;

export interface StoredComment {
  readonly id: number;
  readonly issue: number;
  readonly user: { readonly login: string; readonly type: string };
  body: string;
}

export interface StoredIssue {
  readonly number: number;
  readonly user: { readonly login: string; readonly type: string };
  title: string;
  body: string;
  state: string;
  readonly created_at: string;
  closed_at: string | null;
  readonly labels: readonly string[];
}

export interface StoredSarif {
  readonly commitSha: string;
  readonly ref: string;
  /** The document, unpacked. */
  readonly text: string;
}

/** What jobs wrote: comments, issues, SARIF uploads and dependency snapshots, and what a test puts there before. */
export class ResultsStore {
  readonly comments: StoredComment[] = [];
  readonly issues: StoredIssue[] = [];
  readonly sarifs: StoredSarif[] = [];
  readonly snapshots: unknown[] = [];
}

interface Call {
  readonly exchange: Exchange;
  readonly store: ResultsStore;
  readonly body: Readonly<Record<string, unknown>>;
}

interface Route {
  readonly method: string;
  readonly pattern: RegExp;
  /** Scopes of which one must be held with `level`. */
  readonly scopes: readonly string[];
  readonly level: 'read' | 'write';
  readonly handle: (call: Call, id: number) => Answer;
}

const ROUTES: readonly Route[] = [
  {
    method: 'GET',
    pattern: /^\/issues\/(\d+)\/comments$/,
    scopes: ['pull-requests', 'issues'],
    level: 'read',
    handle: listComments,
  },
  {
    method: 'POST',
    pattern: /^\/issues\/(\d+)\/comments$/,
    scopes: ['pull-requests', 'issues'],
    level: 'write',
    handle: addComment,
  },
  {
    method: 'PATCH',
    pattern: /^\/issues\/comments\/(\d+)$/,
    scopes: ['pull-requests', 'issues'],
    level: 'write',
    handle: editComment,
  },
  { method: 'GET', pattern: /^\/issues$/, scopes: ['issues'], level: 'read', handle: listIssues },
  { method: 'POST', pattern: /^\/issues$/, scopes: ['issues'], level: 'write', handle: addIssue },
  { method: 'PATCH', pattern: /^\/issues\/(\d+)$/, scopes: ['issues'], level: 'write', handle: editIssue },
  {
    method: 'POST',
    pattern: /^\/code-scanning\/sarifs$/,
    scopes: ['security-events'],
    level: 'write',
    handle: addSarif,
  },
  {
    method: 'POST',
    pattern: /^\/dependency-graph\/snapshots$/,
    scopes: ['contents'],
    level: 'write',
    handle: addSnapshot,
  },
];

function routeOf(exchange: Exchange): { readonly route: Route; readonly id: number } | undefined {
  const rest = /^\/repos\/[^/]+\/[^/]+(\/.*)$/.exec(exchange.url.pathname)?.[1] ?? '';
  const route = ROUTES.find(({ method, pattern }) => method === exchange.method && pattern.test(rest));
  return route === undefined ? undefined : { route, id: Number(route.pattern.exec(rest)?.[1] ?? 0) };
}

export function isResultsCall(exchange: Exchange): boolean {
  return routeOf(exchange) !== undefined;
}

/** Writes of a job into its own repository; every route asks for the permission that the service asks for. */
export async function handleResultsCall(exchange: Exchange, plane: ControlPlane, store: ResultsStore): Promise<Answer> {
  const found = routeOf(exchange);
  const job = plane.jobByToken('githubToken', exchange.bearer);
  if (found === undefined) return refused(404, 'Not Found');
  if (job === undefined) return refused(401, 'Bad credentials');
  exchange.job = job.options.name;
  if (!isOwn(exchange, job)) return refused(404, 'Not Found');
  const { scopes, level, handle } = found.route;
  if (!scopes.some((scope) => hasPermission(job, scope, level))) {
    return refused(403, 'Resource not accessible by integration');
  }
  const bytes = await exchange.body();
  const body = bytes.length === 0 ? {} : (JSON.parse(bytes.toString('utf8')) as Record<string, unknown>);
  return handle({ exchange, store, body }, found.id);
}

function isOwn(exchange: Exchange, job: JobRecord): boolean {
  return exchange.url.pathname.toLowerCase().startsWith(`/repos/${job.run.repository.toLowerCase()}/`);
}

function refused(status: number, message: string): Answer {
  return jsonAnswer(status, { message });
}

function page<T>(all: readonly T[], exchange: Exchange): readonly T[] {
  const size = Math.min(Number(exchange.query('per_page') ?? 30), 100);
  const start = (Number(exchange.query('page') ?? 1) - 1) * size;
  return all.slice(start, start + size);
}

function bodyOf({ body }: Call): string | undefined {
  return typeof body.body === 'string' && body.body !== '' && body.body.length <= MAX_BODY ? body.body : undefined;
}

function listComments({ exchange, store }: Call, issue: number): Answer {
  return jsonAnswer(
    200,
    page(
      store.comments.filter((comment) => comment.issue === issue),
      exchange,
    ),
  );
}

function addComment(call: Call, issue: number): Answer {
  const text = bodyOf(call);
  if (text === undefined) return refused(422, 'Validation Failed');
  const comment = { id: 9000 + call.store.comments.length, issue, user: BOT, body: text };
  call.store.comments.push(comment);
  return jsonAnswer(201, comment);
}

function editComment(call: Call, id: number): Answer {
  const comment = call.store.comments.find((item) => item.id === id);
  const text = bodyOf(call);
  if (comment === undefined) return refused(404, 'Not Found');
  if (text === undefined) return refused(422, 'Validation Failed');
  comment.body = text;
  return jsonAnswer(200, comment);
}

function listIssues({ exchange, store }: Call): Answer {
  const state = exchange.query('state') ?? 'open';
  const label = exchange.query('labels');
  const shown = store.issues.filter(
    (issue) => (state === 'all' || issue.state === state) && (label === undefined || issue.labels.includes(label)),
  );
  return jsonAnswer(200, page(shown, exchange));
}

function addIssue(call: Call): Answer {
  const text = bodyOf(call);
  const { title, labels } = call.body;
  if (text === undefined || typeof title !== 'string' || title === '') return refused(422, 'Validation Failed');
  const issue = {
    number: call.store.issues.length + 1,
    user: BOT,
    title,
    body: text,
    state: 'open',
    created_at: new Date().toISOString(),
    closed_at: null,
    labels: Array.isArray(labels) ? labels.map(String) : [],
  };
  call.store.issues.push(issue);
  return jsonAnswer(201, issue);
}

function editIssue(call: Call, number: number): Answer {
  const issue = call.store.issues.find((item) => item.number === number);
  if (issue === undefined) return refused(404, 'Not Found');
  const { title, state } = call.body;
  const text = bodyOf(call);
  if (text !== undefined) issue.body = text;
  if (typeof title === 'string') issue.title = title;
  if (typeof state === 'string') {
    issue.state = state;
    issue.closed_at = state === 'closed' ? new Date().toISOString() : null;
  }
  return jsonAnswer(200, issue);
}

function addSarif({ store, body }: Call): Answer {
  const { commit_sha: commitSha, ref, sarif } = body;
  if (typeof commitSha !== 'string' || typeof ref !== 'string' || typeof sarif !== 'string') {
    return refused(422, 'Validation Failed');
  }
  try {
    store.sarifs.push({ commitSha, ref, text: gunzipSync(Buffer.from(sarif, 'base64')).toString('utf8') });
  } catch {
    return refused(400, 'The SARIF is not gzip in base64');
  }
  return jsonAnswer(202, { id: `sarif-${store.sarifs.length}`, url: '' });
}

function addSnapshot({ store, body }: Call): Answer {
  store.snapshots.push(body);
  return jsonAnswer(201, { id: store.snapshots.length, result: 'SUCCESS', message: '' });
}
