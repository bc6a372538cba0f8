import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import {
  annotationsOf,
  buildComment,
  type NotificationContext,
  parseReported,
  type Reported,
  workflowCommand,
  writeSarif,
} from '@paved/gate/results';
import { type ActionContext, escapeMarkdown, type InputsOf, type OutputsOf } from '@paved/runner-kit';
import type { GitHubClient } from '@paved/runner-kit/github';
import type { definition } from './definition.js';
import { ReportError } from './error.js';
import { fetchManifests, statusOf } from './manifests.js';
import { notify } from './notify.js';
import { fetchOwners } from './owners.js';
import { postComment } from './post-comment.js';
import { submitSnapshot } from './submit.js';
import { writeForms } from './write-forms.js';

type Inputs = InputsOf<typeof definition>;

const MAX_VERDICT_BYTES = 256 * 1024 * 1024;

/** Reads a verdict, writes every form of it, then tells the services. It decides nothing: the gate has decided. */
export async function run(inputs: Inputs, context: ActionContext): Promise<OutputsOf<typeof definition>> {
  const { runner } = context;
  const [owner = '', repo = ''] = runner.repository.split('/');
  if (inputs.mode === 'submit') {
    const path = given(inputs['snapshot-path'], 'snapshot-path', inputs.mode);
    const { sha, ref } = runner;
    return { 'snapshot-id': await submitSnapshot(await clientOf(inputs, context), { owner, repo, sha, ref }, path) };
  }
  const verdict = parseReported(await readVerdict(given(inputs['verdict-path'], 'verdict-path', inputs.mode)));
  const client = await clientOf(inputs, context);
  if (inputs.mode === 'notify') {
    const about = await aboutOf(verdict, inputs.manifests[0], inputs, context, client);
    return { notified: (await notify(inputs, { verdict, about, client, place: { owner, repo } }, context)).join(',') };
  }
  const manifests = await fetchManifests(client, { owner, repo, ref: runner.sha }, inputs.manifests);
  const folder = await context.workDir();
  const sarif = sarifOf(verdict, inputs, context, manifests);
  const about = await aboutOf(verdict, manifests[0]?.path, inputs, context, client);
  const { detailsUrl } = about;
  const comment = buildComment(verdict, { escapeText: escapeMarkdown, key: inputs.category, detailsUrl });
  const paths = await writeForms(folder, {
    verdict,
    sarif: sarif.text,
    comment,
    notification: about,
    jiraProject: inputs['jira-project'],
    cosign: inputs['cosign-vuln'] ? invocationOf(runner) : undefined,
  });
  for (const annotation of annotationsOf(verdict.findings, manifests))
    process.stdout.write(`${workflowCommand(annotation)}\n`);
  const posted: string[] = [];
  if (inputs.sarif) {
    await allowed('SARIF', () => uploadSarif(client, { owner, repo }, runner, sarif.text));
    posted.push('sarif');
  }
  const pullRequest = pullRequestOf(runner.ref);
  if (inputs.comment && pullRequest !== undefined) {
    const target = { owner, repo, pullRequest, key: inputs.category, author: inputs.author };
    const worthSaying = verdict.verdict === 'fail' || verdict.unchecked.length > 0 || comment.includes('\n| ');
    if (await allowed('comment', () => postComment(client, target, comment, worthSaying))) posted.push('comment');
  }
  context.events.emit({ stage: 'report', event: 'reported', posted: posted.join(','), dropped: sarif.dropped.results });
  return { ...paths, posted: posted.join(',') };
}

async function clientOf(inputs: Inputs, { runner, http }: ActionContext): Promise<GitHubClient> {
  // Loaded late: bad inputs are found without it, and start-up is what every run pays.
  const { githubClient } = await import('@paved/runner-kit/github');
  return githubClient({ apiUrl: runner.apiUrl, token: inputs['github-token'], http });
}

function given(path: string | undefined, name: string, mode: string): string {
  if (path !== undefined) return path;
  throw new ReportError('INPUT_INVALID', `Cannot ${mode}: there is no ${name}`, {
    hint: 'Set the input that is named',
  });
}

async function aboutOf(
  verdict: Reported,
  ownedPath: string | undefined,
  inputs: Inputs,
  { runner }: ActionContext,
  client: GitHubClient,
): Promise<NotificationContext> {
  const [owner = '', repo = ''] = runner.repository.split('/');
  const run = `${runner.serverUrl}/${runner.repository}/actions/runs/${runner.runId}`;
  return {
    subject: verdict.subject?.name ?? runner.repository,
    owners: await fetchOwners(client, { owner, repo, ref: runner.sha }, ownedPath ?? 'package.json'),
    detailsUrl: inputs['details-url']?.href ?? run,
    escapeText: escapeMarkdown,
  };
}

function sarifOf(
  { findings }: Reported,
  { category, manifests: named }: Inputs,
  { runner, log }: ActionContext,
  manifests: Awaited<ReturnType<typeof fetchManifests>>,
) {
  const sarif = writeSarif(findings, {
    tool: {
      name: 'paved',
      version: toolVersion(runner.optional('actionRef')),
      // An action of the workflow's own repository has no repository of its own.
      uri: `${runner.serverUrl}/${runner.optional('actionRepository') ?? runner.repository}`,
    },
    category,
    manifests,
    fallbackPath: manifests[0]?.path ?? named[0] ?? 'README.md',
  });
  if (sarif.dropped.results > 0) {
    log.warning(`${sarif.dropped.results} findings are not in the SARIF: it has what the service keeps, worst first`);
  }
  return sarif;
}

async function readVerdict(path: string): Promise<string> {
  const folder = await stat(path).catch(() => undefined);
  const file = folder?.isDirectory() ? join(path, 'verdict.json') : path;
  const info = await stat(file).catch(() => undefined);
  if (!info?.isFile() || info.size > MAX_VERDICT_BYTES) {
    const state = info === undefined ? 'it does not exist' : `it is no file of at most ${MAX_VERDICT_BYTES} bytes`;
    throw new ReportError('VERDICT_UNREADABLE', `Cannot report "${file}": ${state}`, {
      hint: 'Pass the verdict-path of scan-gate',
    });
  }
  return await readFile(file, 'utf8');
}

async function uploadSarif(
  client: GitHubClient,
  place: { readonly owner: string; readonly repo: string },
  { sha, ref }: ActionContext['runner'],
  text: string,
): Promise<void> {
  const sarif = gzipSync(text).toString('base64');
  await client.rest.codeScanning.uploadSarif({ ...place, commit_sha: sha, ref, sarif });
}

function invocationOf({ serverUrl, repository, runId, workflowRef }: ActionContext['runner']) {
  return {
    uri: `${serverUrl}/${repository}/actions/runs/${runId}`,
    eventId: runId,
    builderId: `${serverUrl}/${workflowRef}`,
  };
}

/** `refs/pull/7/merge`: the runner's own word, not the event's text. */
function pullRequestOf(ref: string): number | undefined {
  const number = /^refs\/pull\/(\d{1,10})\//.exec(ref)?.[1];
  return number === undefined ? undefined : Number(number);
}

function toolVersion(ref: string | undefined): string {
  const version = /^v?(\d+(?:\.\d+){0,2})$/.exec(ref ?? '')?.[1] ?? '0.0.0';
  return [...version.split('.'), '0', '0'].slice(0, 3).join('.');
}

/** A refusal of the service is an error of this job, with the permission that is missing; a report nobody sees is none. */
async function allowed<T>(what: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    const status = statusOf(cause);
    if (status === undefined) throw cause;
    throw new ReportError('REPORT_REFUSED', `Cannot write the ${what}: the service answered ${status}`, {
      cause,
      hint: 'The calling job grants pull-requests: write and security-events: write; the token of a fork has neither',
    });
  }
}
