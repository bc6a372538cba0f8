import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseTrust, type TrustDocument } from '@paved/attestation';
import { type ActionContext, type InputsOf, type OutputsOf, RefusalError } from '@paved/runner-kit';
import type { GitHubClient } from '@paved/runner-kit/github';
import { parseTrustedRoot } from '@paved/sigstore';
import { logsOf, type TransparencyLog } from '@paved/sigstore/log';
import type { definition } from './definition.js';
import { WatchError } from './error.js';
import { type Alarm, type Finding, type Findings, WATCH_FINDINGS_MEDIA_TYPE } from './findings.js';
import { alarmIssue, entryIssue, LABEL } from './issues.js';
import { previousState, STATE_FILE } from './previous-state.js';
import { parseState, WATCH_STATE_MEDIA_TYPE, type WatchState } from './state.js';
import { summarise } from './summary.js';
import { type Start, type WatchedLog, watchLog } from './watch-log.js';

type Inputs = InputsOf<typeof definition>;

/**
 * Reads what the logs took since the last run, and tells of what nothing explains. The state is written last: a run that fails
 * before leaves its entries to the next one.
 * @throws {RefusalError} `LOG_ALARM`, `ENTRY_UNEXPLAINED` after issues and outputs were written
 */
export async function run(inputs: Inputs, context: ActionContext): Promise<OutputsOf<typeof definition>> {
  const trustedRoot = parseTrustedRoot(inputs['trusted-root']);
  const { followed, others } = logsOf(trustedRoot, new Date());
  if (followed.length === 0) {
    throw new WatchError('NOTHING_TO_FOLLOW', 'Cannot watch: the trusted root has no open log with tiles', {
      hint: 'Render the trusted root of an instance with Rekor v2',
    });
  }
  for (const other of others) context.log.info(`Not followed: ${other} is no log of Rekor v2`);
  // Loaded late: bad inputs are found without it, and start-up is what every run pays.
  const { githubClient } = await import('@paved/runner-kit/github');
  const client = githubClient({
    apiUrl: context.runner.apiUrl,
    token: inputs['github-token'],
    http: context.http,
  });
  const trust = await readTrust(inputs, client);
  const previous = await readState(inputs, client, context);
  const start = startOf(inputs, previous, context);
  const budget = { entries: inputs['max-entries'], until: Date.now() + inputs['time-budget'] };
  const watching = { http: context.http, client, serverUrl: context.runner.serverUrl, trust, trustedRoot, budget };
  const watched: WatchedLog[] = [];
  for (const log of followed) watched.push(await watchLog(log, savedOf(log, previous), start, watching));
  const told = await tell(watched, inputs.author, client, context);
  return await finish(watched, told, trust, previous, context);
}

async function readTrust(inputs: Inputs, client: GitHubClient): Promise<TrustDocument> {
  if (inputs.trust !== undefined) return parseTrust(inputs.trust);
  const [owner = '', repo = ''] = (inputs['trust-repository'] ?? '').split('/');
  if (owner === '' || repo === '') {
    throw new WatchError('TRUST_UNREADABLE', 'Cannot watch: neither trust nor trust-repository (owner/name) is set', {
      hint: 'Set trust-repository to the repository that holds trust.json, as owner/name',
    });
  }
  const place = { owner, repo, path: 'trust.json', mediaType: { format: 'raw' } };
  const { data } = await client.rest.repos.getContent(place);
  if (typeof data === 'string') return parseTrust(data);
  throw new WatchError('TRUST_UNREADABLE', `Cannot watch: trust.json of ${owner}/${repo} is no file`, {
    hint: 'Commit trust.json as a file at the root of that repository',
  });
}

async function readState(
  inputs: Inputs,
  client: GitHubClient,
  context: ActionContext,
): Promise<WatchState | undefined> {
  const path = inputs['state-path'];
  const text =
    path === undefined
      ? await previousState(client, inputs['github-token'], context)
      : await readFile(path, 'utf8').catch((cause: unknown) => {
          throw new WatchError('STATE_MALFORMED', `Cannot read "${path}"`, {
            cause,
            hint: 'Name the state that an earlier run left, or leave state-path out',
          });
        });
  return text === undefined ? undefined : parseState(text);
}

/** Numbers of runs of a workflow only grow, so "the first run" cannot be claimed a second time. */
function startOf({ start }: Inputs, previous: WatchState | undefined, { runner, log }: ActionContext): Start {
  if (/^(0|[1-9]\d{0,14})$/.test(start)) return Number(start);
  if (start !== 'continue' && start !== 'newest') {
    throw new WatchError('STATE_MALFORMED', `Cannot start at "${start}": it is continue, newest or an index`, {
      hint: 'Set start to continue, newest or the index of an entry',
    });
  }
  if (previous !== undefined) return 'continue';
  if (start === 'continue' && runner.runNumber !== '1') {
    throw new WatchError(
      'STATE_MISSING',
      'Cannot continue: no earlier run of this workflow on this branch left a state',
      {
        hint: 'Start it by hand: `start` is an index to look back from, or `newest` to leave out everything until now',
      },
    );
  }
  log.warning('No state: the logs are followed from here on, and nothing before was looked at');
  return 'newest';
}

function savedOf({ logId }: TransparencyLog, previous: WatchState | undefined) {
  return previous?.logs.find((saved) => saved.logId === logId.toString('hex'));
}

interface Told {
  readonly findings: readonly Finding[];
  readonly alarms: readonly Alarm[];
}

async function tell(
  watched: readonly WatchedLog[],
  author: string,
  client: GitHubClient,
  { runner }: ActionContext,
): Promise<Told> {
  const found = watched.flatMap(({ findings }) => findings);
  const alarmed = watched.flatMap(({ alarm }) => alarm ?? []);
  if (alarmed.length === 0 && found.every(({ explained }) => explained)) return { findings: found, alarms: [] };
  const { keepMarkedIssue, markedIssues } = await import('@paved/runner-kit/github');
  const [owner = '', repo = ''] = runner.repository.split('/');
  const known = await markedIssues(client, { owner, repo }, { label: LABEL, author });
  const keep = async (request: ReturnType<typeof entryIssue>) => {
    const existing = known.find(({ key, closedAt }) => key === request.key && closedAt === undefined);
    return (await keepMarkedIssue(client, { owner, repo }, existing, request, author)).number;
  };
  const alarms: Alarm[] = [];
  for (const alarm of alarmed) alarms.push({ ...alarm, issue: await keep(alarmIssue(alarm)) });
  const findings: Finding[] = [];
  for (const finding of found) {
    findings.push(finding.explained ? finding : { ...finding, issue: await keep(entryIssue(finding)) });
  }
  return { findings, alarms };
}

async function finish(
  watched: readonly WatchedLog[],
  told: Told,
  trust: TrustDocument,
  previous: WatchState | undefined,
  context: ActionContext,
): Promise<OutputsOf<typeof definition>> {
  const at = new Date().toISOString();
  const progress = watched.flatMap((log) => log.progress ?? []);
  const document: Findings = {
    mediaType: WATCH_FINDINGS_MEDIA_TYPE,
    at,
    trustSequence: trust.sequence,
    progress,
    findings: told.findings,
    alarms: told.alarms,
  };
  const logs = watched.flatMap(({ state }) => state ?? []);
  // A log that the trusted root no longer names keeps its place, in case it comes back.
  const gone = previous?.logs.filter(({ logId }) => !logs.some((log) => log.logId === logId)) ?? [];
  const state: WatchState = { mediaType: WATCH_STATE_MEDIA_TYPE, at, logs: [...logs, ...gone] };
  const folder = await context.workDir();
  const [findingsPath, statePath] = [join(folder, 'watch-findings.json'), join(folder, STATE_FILE)];
  await writeFile(findingsPath, `${JSON.stringify(document, null, 2)}\n`, { flag: 'wx' });
  await writeFile(statePath, `${JSON.stringify(state, null, 2)}\n`, { flag: 'wx' });
  const unexplained = told.findings.filter(({ explained }) => !explained);
  const behind = progress.reduce((sum, { next, size }) => sum + size - next, 0);
  summarise(context, document, behind);
  context.events.emit({
    stage: 'watch',
    event: 'followed',
    findings: told.findings.length,
    unexplained: unexplained.length,
  });
  const outputs = {
    'state-path': statePath,
    'findings-path': findingsPath,
    unexplained: String(unexplained.length),
    behind: String(behind),
  };
  refuse(told.alarms, unexplained, outputs);
  return outputs;
}

function refuse(alarms: readonly Alarm[], unexplained: readonly Finding[], outputs: Record<string, string>): void {
  const [alarm] = alarms;
  if (alarm !== undefined) {
    throw new RefusalError('LOG_ALARM', `${alarm.code}: ${alarm.message}`, {
      outputs,
      hint: `Issue ${alarm.issue ?? ''} says what to do`,
    });
  }
  if (unexplained.length === 0) return;
  const issues = unexplained.map(({ issue }) => String(issue)).join(', ');
  throw new RefusalError('ENTRY_UNEXPLAINED', `${unexplained.length} log entries under our names have no known run`, {
    outputs,
    hint: `Look at issue ${issues.slice(0, 300)}`,
  });
}
