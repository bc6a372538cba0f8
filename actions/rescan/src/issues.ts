import { digestHex, sha256 } from '@paved/digest';
import { type IssueRequest, issueRequest } from '@paved/gate/results';
import { escapeMarkdown } from '@paved/runner-kit';
import type { GitHubClient } from '@paved/runner-kit/github';
import type { News } from './artifacts.js';

/** Told apart from issues of people; the key in the body tells them apart from each other. */
export const LABEL = 'paved-rescan';
const PER_PAGE = 100;
const MAX_PAGES = 50;
const MAX_RELEASES_SHOWN = 20;

export interface Place {
  readonly owner: string;
  readonly repo: string;
}

export interface KnownIssue {
  readonly number: number;
  readonly key: string;
  /** Of the artifact that it is about; absent in what an older version wrote. */
  readonly artifactKey: string | undefined;
  readonly body: string;
  readonly severity: string | undefined;
  readonly createdAt: string | undefined;
  /** Absent while it is open. */
  readonly closedAt: string | undefined;
}

/** Issues that a bot wrote under our label, open and closed. Somebody else's issue with our marker is not ours to edit. */
export async function knownIssues(client: GitHubClient, place: Place): Promise<readonly KnownIssue[]> {
  const found: KnownIssue[] = [];
  for (let page = 1; page <= MAX_PAGES; page++) {
    const query = { ...place, state: 'all', labels: LABEL, per_page: PER_PAGE, page } as const;
    const { data } = await client.rest.issues.listForRepo(query);
    for (const issue of data) {
      const body = issue.body ?? '';
      const key = /^<!-- (paved-[0-9a-f]{32}) -->/.exec(body)?.[1];
      if (key === undefined || issue.user?.type !== 'Bot') continue;
      found.push({
        number: issue.number,
        key,
        artifactKey: /<!-- (paved-artifact-[0-9a-f]{32}) -->/.exec(body)?.[1],
        body,
        severity: severityOf(issue.labels),
        createdAt: issue.created_at,
        closedAt: issue.state === 'closed' ? (issue.closed_at ?? issue.updated_at) : undefined,
      });
    }
    if (data.length < PER_PAGE) break;
  }
  return found;
}

function severityOf(labels: readonly (string | { readonly name?: string | undefined })[]): string | undefined {
  const names = labels.map((label) => (typeof label === 'string' ? label : (label.name ?? '')));
  return names.find((name) => name.startsWith('severity:'))?.slice('severity:'.length);
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

/** Opens the issue, or brings an open one up to date; returns its number and when the owner was told first. */
export async function keepIssue(
  client: GitHubClient,
  place: Place,
  existing: KnownIssue | undefined,
  { title, body, labels }: IssueRequest,
): Promise<{ readonly number: number; readonly notifiedAt: string }> {
  const now = new Date().toISOString();
  if (existing === undefined) {
    const { data } = await client.rest.issues.create({ ...place, title, body, labels: [LABEL, ...labels] });
    return { number: data.number, notifiedAt: data.created_at ?? now };
  }
  if (existing.body !== body) await client.rest.issues.update({ ...place, issue_number: existing.number, title, body });
  return { number: existing.number, notifiedAt: existing.createdAt ?? now };
}

/** Says why before it closes, so that nobody has to guess. */
export async function closeIssue(client: GitHubClient, place: Place, number: number, releases: number): Promise<void> {
  const body = `Closed: none of the ${releases} releases that are looked at has it any more, or the policy lets it pass. A new issue is opened if it comes back.`;
  await client.rest.issues.createComment({ ...place, issue_number: number, body });
  await client.rest.issues.update({ ...place, issue_number: number, state: 'closed', state_reason: 'completed' });
}
