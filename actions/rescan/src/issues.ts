import { digestHex, sha256 } from '@paved/digest';
import { type IssueRequest, issueRequest } from '@paved/gate/results';
import { escapeMarkdown } from '@paved/runner-kit';
import type { GitHubClient, MarkedIssue, Place } from '@paved/runner-kit/github';
import type { News } from './artifacts.js';

/** Told apart from issues of people; the key in the body tells them apart from each other. */
export const LABEL = 'paved-rescan';
const MAX_RELEASES_SHOWN = 20;

export interface KnownIssue extends MarkedIssue {
  /** Of the artifact that it is about; absent in what an older version wrote. */
  readonly artifactKey: string | undefined;
  readonly severity: string | undefined;
}

export async function knownIssues(client: GitHubClient, place: Place, author: string): Promise<readonly KnownIssue[]> {
  const { markedIssues } = await import('@paved/runner-kit/github');
  const found = await markedIssues(client, place, { label: LABEL, author });
  return found.map((issue) => ({
    ...issue,
    artifactKey: /<!-- (paved-artifact-[0-9a-f]{32}) -->/.exec(issue.body)?.[1],
    severity: issue.labels.find((name) => name.startsWith('severity:'))?.slice('severity:'.length),
  }));
}

/** Stands in the body of every issue of an artifact, so that those of another artifact are never closed. */
export function artifactKey(artifact: string): string {
  return `paved-artifact-${digestHex(sha256(artifact)).slice(0, 32)}`;
}

/** The issue of one finding; without a link to this run, which would change it every six hours and notify everybody who watches. */
export function requestOf(artifact: string, news: News, owners: readonly string[], runUrl: string): IssueRequest {
  const { finding, releases } = news;
  const request = issueRequest(finding, { subject: artifact, owners, detailsUrl: runUrl, escapeText: escapeMarkdown });
  const shown = releases.slice(0, MAX_RELEASES_SHOWN).map(escapeMarkdown).join(', ');
  const more = releases.length > MAX_RELEASES_SHOWN ? `, and ${releases.length - MAX_RELEASES_SHOWN} more` : '';
  const body = request.body.replace(/\n\n\[Everything that was found\][^\n]*\n$/, '\n');
  return { ...request, body: `${body}\nReleases that have it: ${shown}${more}\n\n<!-- ${artifactKey(artifact)} -->\n` };
}

export async function keepIssue(
  client: GitHubClient,
  place: Place,
  existing: KnownIssue | undefined,
  { title, body, labels }: IssueRequest,
  author: string,
): Promise<{ readonly number: number; readonly notifiedAt: string }> {
  const { keepMarkedIssue } = await import('@paved/runner-kit/github');
  return await keepMarkedIssue(client, place, existing, { title, body, labels: [LABEL, ...labels] }, author);
}

/** Says why before it closes, so that nobody has to guess. */
export async function closeIssue(client: GitHubClient, place: Place, number: number, releases: number): Promise<void> {
  const body = `Closed: none of the ${releases} releases that are looked at has it any more, or the policy lets it pass. A new issue is opened if it comes back.`;
  await client.rest.issues.createComment({ ...place, issue_number: number, body });
  await client.rest.issues.update({ ...place, issue_number: number, state: 'closed', state_reason: 'completed' });
}
