import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CODEOWNERS_PATHS,
  issueRequest,
  type Metrics,
  measure,
  ownersOf,
  parseCodeOwners,
  parseReported,
  type Reported,
  type ReportedFinding,
} from '@paved/gate/results';
import { object, parseJson, string } from '@paved/json';
import { type ActionContext, escapeMarkdown, type InputsOf, type OutputsOf, RefusalError } from '@paved/runner-kit';
import type { GitHubClient } from '@paved/runner-kit/github';
import type { definition } from './definition.js';
import { RescanError } from './error.js';
import { type Facts, required } from './fetch-sboms.js';
import { keepIssue, openIssues } from './issues.js';
import { type Notification, notificationOf, RESCAN_RECEIPT_MEDIA_TYPE } from './receipt.js';

type Inputs = InputsOf<typeof definition>;

/** More issues than this in one run are a broken database, not news. */
const MAX_ISSUES = 100;
const facts = object<{ [K in keyof Facts]: typeof string }>({
  image: string,
  subjectDigest: string,
  publishedAt: string,
});

/**
 * One issue per finding that is exploited or blocks, kept up to date, for the owner of the artifact; then the receipt.
 * @throws {RefusalError} `NOTIFIED_LATE` after the receipt was written
 */
export async function notify(inputs: Inputs, context: ActionContext): Promise<OutputsOf<typeof definition>> {
  const { runner } = context;
  const verdict = parseReported(await readText(required(inputs, 'verdict-path')));
  const about = parseJson('the facts', await readText(required(inputs, 'facts-path')), facts);
  const [owner = '', repo = ''] = runner.repository.split('/');
  const place = { owner, repo };
  // Loaded late: bad inputs are found without it, and start-up is what every run pays.
  const { githubClient } = await import('@paved/runner-kit/github');
  const client = githubClient({ apiUrl: runner.apiUrl, token: required(inputs, 'github-token') });
  const news = verdict.findings.filter(isNews);
  if (news.length > MAX_ISSUES) {
    context.log.warning(
      `${news.length} findings ask for an issue; the worst ${MAX_ISSUES} get one, the receipt counts the rest`,
    );
  }
  const owners = news.length === 0 ? [] : await fetchOwners(client, place, inputs['owner-path']);
  const open = news.length === 0 ? new Map() : await openIssues(client, place);
  const notifications: Notification[] = [];
  for (const finding of news.slice(0, MAX_ISSUES)) {
    const request = issueRequest(finding, {
      subject: subjectName(about),
      owners,
      detailsUrl: `${runner.serverUrl}/${runner.repository}/actions/runs/${runner.runId}`,
      escapeText: escapeMarkdown,
    });
    const told = await keepIssue(client, place, open, withoutRun(request), new Date().toISOString());
    notifications.push(
      notificationOf(finding, {
        issue: told.number,
        notifiedAt: told.notifiedAt,
        publishedAt: about.publishedAt,
        feedSeenAt: verdict.at,
        maxDelayMs: inputs['max-delay'],
      }),
    );
  }
  return await writeReceipt({ verdict, about, notifications, left: Math.max(0, news.length - MAX_ISSUES) }, context);
}

function isNews({ kev, status, action, mode }: ReportedFinding): boolean {
  return status === 'open' && (kev !== undefined || (action === 'block' && mode === 'enforce'));
}

/** Without the digest: the next release of the same artifact continues the same issue. */
function subjectName({ image }: Facts): string {
  return image.replace(/@.*$/s, '');
}

/** The link to this run would change the body every six hours, and with it notify everybody who watches. */
function withoutRun<T extends { readonly body: string }>(request: T): T {
  return { ...request, body: request.body.replace(/\n\n\[Everything that was found\][^\n]*\n$/, '\n') };
}

interface Result {
  readonly verdict: Reported;
  readonly about: Facts;
  readonly notifications: readonly Notification[];
  readonly left: number;
}

async function writeReceipt(result: Result, context: ActionContext): Promise<OutputsOf<typeof definition>> {
  const { verdict, about, notifications, left } = result;
  const folder = await context.workDir();
  const receiptPath = join(folder, 'rescan-receipt.json');
  const receipt = { mediaType: RESCAN_RECEIPT_MEDIA_TYPE, ...about, at: verdict.at, notifications, withoutIssue: left };
  await writeFile(receiptPath, `${JSON.stringify(receipt, null, 2)}\n`, { flag: 'wx' });
  const metricsPath = join(folder, 'metrics.json');
  const metrics = metricsOf(verdict, about);
  await writeFile(metricsPath, `${JSON.stringify(metrics, null, 2)}\n`, { flag: 'wx' });
  summarise(context, notifications, metrics);
  const late = notifications.filter((entry) => entry.late);
  context.events.emit({ stage: 'rescan', event: 'notified', issues: notifications.length, late: late.length });
  const outputs = { 'receipt-path': receiptPath, 'metrics-path': metricsPath };
  if (late.length === 0) return outputs;
  throw new RefusalError(
    'NOTIFIED_LATE',
    `The owner was told too late of ${late
      .map(({ id }) => id)
      .join(', ')
      .slice(0, 300)}`,
    {
      outputs,
      hint: 'Run rescan at least every six hours; max-delay is the limit',
    },
  );
}

/** Of this digest alone; a dashboard adds up the files of all. */
function metricsOf({ findings, at }: Reported, { image, publishedAt }: Facts): Metrics {
  const observations = findings.map(({ identity, severity, kev, firstSeen }) => ({
    identity,
    subject: image,
    severity,
    ...(kev === undefined ? {} : { published: laterOf(`${kev.dateAdded}T00:00:00Z`, publishedAt) }),
    firstSeen: firstSeen ?? at,
  }));
  return measure(observations, { published: 1, checked: 1 }, at);
}

function laterOf(a: string, b: string): string {
  return Date.parse(a) > Date.parse(b) ? a : b;
}

function summarise({ summary, log }: ActionContext, notifications: readonly Notification[], metrics: Metrics): void {
  const most = Math.max(1, ...Object.values(metrics.open));
  const bars = Object.entries(metrics.open).map(([severity, count]) => [
    severity,
    String(count),
    '█'.repeat(Math.ceil((count / most) * 20)),
  ]);
  summary.heading('Rescan').table(['Open', 'Findings', 'Chart'], bars);
  const times = [
    ['Mean hours to detect', String(metrics.meanTimeToDetectHours ?? 'not measured')],
    ['Mean hours to remediate', String(metrics.meanTimeToRemediateHours ?? 'not measured')],
    ['Debt ratio', String(metrics.debtRatio ?? 'not measured')],
    ['Coverage', String(metrics.coverage ?? 'not measured')],
  ];
  summary.table(['Measure', 'Value'], times);
  if (notifications.length > 0) {
    const rows = notifications.map((entry) => [
      entry.id,
      String(entry.issue),
      entry.kevDateAdded ?? '',
      entry.notifiedAt,
      entry.late ? 'late' : 'in time',
    ]);
    summary.table(['Finding', 'Issue', 'In KEV since', 'Owner told', 'State'], rows);
  }
  log.info(`${notifications.length} findings ask for the owner`);
}

async function readText(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new RescanError('VERDICT_UNREADABLE', `Cannot read "${path}"`, { cause });
  });
}

/** From the default branch, through the API; a repository without CODEOWNERS has nobody to mention, and the issue says so. */
async function fetchOwners(
  client: GitHubClient,
  place: { readonly owner: string; readonly repo: string },
  path: string,
): Promise<readonly string[]> {
  for (const file of CODEOWNERS_PATHS) {
    try {
      const { data } = await client.rest.repos.getContent({ ...place, path: file, mediaType: { format: 'raw' } });
      if (typeof data === 'string') return ownersOf(parseCodeOwners(data), path);
    } catch (error) {
      if ((error as { status?: unknown } | null)?.status !== 404) throw error;
    }
  }
  return [];
}
