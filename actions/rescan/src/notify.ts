import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Metrics } from '@paved/gate/results';
import { type ActionContext, type InputsOf, type OutputsOf, RefusalError } from '@paved/runner-kit';
import type { GitHubClient, Place } from '@paved/runner-kit/github';
import { type ArtifactState, groupByArtifact, type News } from './artifacts.js';
import type { definition } from './definition.js';
import { type LegRecord, type Plan, parsePlan, parseRecord } from './documents.js';
import { metricsOf } from './history.js';
import { artifactKey, closeIssue, type KnownIssue, keepIssue, knownIssues, requestOf } from './issues.js';
import { fetchOwners } from './owners.js';
import { buildReceipt, type Closed, type Notification, notificationOf } from './receipt.js';
import { readText } from './record.js';
import { required } from './required.js';
import { summarise } from './summary.js';

type Inputs = InputsOf<typeof definition>;

/** More issues than this in one run are a broken database, not news. */
const MAX_ISSUES = 100;

/**
 * One issue per finding that is exploited or blocks, kept up to date for the owner of the artifact; what is gone from every release is
 * closed. All legs are told of by one job, so that two releases of an artifact never open the same issue twice.
 * @throws {RefusalError} `NOTIFIED_LATE`, `NOT_CHECKED` after the receipt was written
 */
export async function notify(inputs: Inputs, context: ActionContext): Promise<OutputsOf<typeof definition>> {
  const plan = parsePlan(await readText(required(inputs, 'plan-path')));
  const states = groupByArtifact(plan, await readRecords(required(inputs, 'records-path')));
  const told = await tellOwners(states, inputs, context);
  const at = new Date().toISOString();
  const metrics = metricsOf(states, told.known, at);
  const outputs = await writeResults(plan, states, told, metrics, context);
  assertInTime(told.notifications, outputs);
  assertChecked(states, outputs);
  return outputs;
}

async function readRecords(folder: string): Promise<readonly LegRecord[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return await Promise.all(paths.toSorted().map(async (path) => parseRecord(await readText(path))));
}

/** The outputs that were written, refused or not. */
type Written = Readonly<Record<string, string>>;

interface Told {
  readonly notifications: readonly Notification[];
  readonly closed: readonly Closed[];
  readonly withoutIssue: number;
  readonly known: readonly KnownIssue[];
}

async function tellOwners(states: readonly ArtifactState[], inputs: Inputs, context: ActionContext): Promise<Told> {
  const { runner } = context;
  const [owner = '', repo = ''] = runner.repository.split('/');
  const place = { owner, repo };
  // Loaded late: bad inputs are found without it, and start-up is what every run pays.
  const { githubClient } = await import('@paved/runner-kit/github');
  const client = githubClient({
    apiUrl: runner.apiUrl,
    token: required(inputs, 'github-token'),
    http: context.http,
  });
  const known = await knownIssues(client, place, inputs.author);
  const all = states.flatMap((state) => state.news.map((news) => ({ state, news })));
  const worst = all.toSorted(
    (a, b) => Number(b.news.finding.kev !== undefined) - Number(a.news.finding.kev !== undefined),
  );
  const withoutIssue = Math.max(0, all.length - MAX_ISSUES);
  if (withoutIssue > 0) {
    const counted = `the first ${MAX_ISSUES} get one, the receipt counts the rest`;
    context.log.warning(`${all.length} findings ask for an issue; ${counted}`);
  }
  const owners = all.length === 0 ? [] : await fetchOwners(client, place, inputs['owner-path']);
  const notifications: Notification[] = [];
  for (const { state, news } of worst.slice(0, MAX_ISSUES)) {
    notifications.push(await tell(client, place, { state, news, owners, known, inputs, context }));
  }
  const closed: Closed[] = [];
  for (const state of states) closed.push(...(await closeGone(client, place, state, known, context)));
  return { notifications, closed, withoutIssue, known };
}

interface Telling {
  readonly state: ArtifactState;
  readonly news: News;
  readonly owners: readonly string[];
  readonly known: readonly KnownIssue[];
  readonly inputs: Inputs;
  readonly context: ActionContext;
}

async function tell(client: GitHubClient, place: Place, telling: Telling): Promise<Notification> {
  const { state, news, owners, known, inputs, context } = telling;
  const { serverUrl, repository, runId } = context.runner;
  const request = requestOf(state.artifact, news, owners, `${serverUrl}/${repository}/actions/runs/${runId}`);
  const existing = known.find(({ key, closedAt }) => key === request.key && closedAt === undefined);
  const issue = await keepIssue(client, place, existing, request, inputs.author);
  return notificationOf(state.artifact, news, issue, inputs['max-delay']);
}

/** Only where every release was looked at whole: what was not looked at is not gone. */
async function closeGone(
  client: GitHubClient,
  place: Place,
  state: ArtifactState,
  known: readonly KnownIssue[],
  context: ActionContext,
): Promise<readonly Closed[]> {
  const { artifact, complete, news, planned } = state;
  const mine = artifactKey(artifact);
  const open = known.filter(({ artifactKey: about, closedAt }) => about === mine && closedAt === undefined);
  if (!complete) {
    if (open.length > 0) context.log.info(`No issue of ${artifact} is closed: not every release was looked at`);
    return [];
  }
  const wanted = new Set(news.map((entry) => requestOf(artifact, entry, [], context.runner.serverUrl).key));
  const closed: Closed[] = [];
  for (const { number, key } of open) {
    if (wanted.has(key)) continue;
    await closeIssue(client, place, number, planned.length);
    closed.push({ artifact, issue: number });
  }
  return closed;
}

async function writeResults(
  plan: Plan,
  states: readonly ArtifactState[],
  told: Told,
  metrics: Metrics,
  context: ActionContext,
): Promise<Written> {
  const folder = await context.workDir();
  const receiptPath = join(folder, 'rescan-receipt.json');
  const receipt = buildReceipt(plan, states, told, metrics.asOf);
  await writeFile(receiptPath, `${JSON.stringify(receipt, null, 2)}\n`, { flag: 'wx' });
  const metricsPath = join(folder, 'metrics.json');
  await writeFile(metricsPath, `${JSON.stringify(metrics, null, 2)}\n`, { flag: 'wx' });
  summarise(context, states, told, metrics);
  const { notifications, closed } = told;
  const late = notifications.filter((entry) => entry.late).length;
  context.events.emit({
    stage: 'rescan',
    event: 'notified',
    issues: notifications.length,
    closed: closed.length,
    late,
  });
  const next = states.flatMap(({ nextVersion }) => nextVersion ?? []);
  return {
    'receipt-path': receiptPath,
    'metrics-path': metricsPath,
    // Several artifacts have several versions: which to release is then for people to say.
    ...(states.length === 1 && next[0] !== undefined ? { 'next-version': next[0] } : {}),
  };
}

function assertInTime(notifications: readonly Notification[], outputs: Written): void {
  const late = notifications.filter((entry) => entry.late).map(({ id }) => id);
  if (late.length === 0) return;
  throw new RefusalError('NOTIFIED_LATE', `The owner was told too late of ${late.join(', ').slice(0, 300)}`, {
    outputs,
    hint: 'Run rescan at least every six hours; max-delay is the limit',
  });
}

/** A release that nobody could look at is not clean. */
function assertChecked(states: readonly ArtifactState[], outputs: Written): void {
  const missing = states.flatMap((state) => state.missing);
  if (missing.length === 0) return;
  throw new RefusalError(
    'NOT_CHECKED',
    `${missing.length} releases were not checked: ${missing.join(', ').slice(0, 300)}`,
    {
      outputs,
      hint: 'Look at the leg of the matrix that failed; a release without a verified SBOM cannot be checked',
    },
  );
}
