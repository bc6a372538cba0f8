import type { IssueRequest } from '@paved/gate/results';
import type { GitHubClient } from '@paved/runner-kit/github';

/** Told apart from issues of people; the key in the body tells them apart from each other. */
export const LABEL = 'paved-rescan';
const PER_PAGE = 100;
const MAX_PAGES = 50;

export interface OpenIssue {
  readonly number: number;
  readonly body: string;
  readonly createdAt: string | undefined;
}

/** Open issues that a bot wrote under our label, by key. Somebody else's issue with our marker is not ours to edit. */
export async function openIssues(
  client: GitHubClient,
  place: { readonly owner: string; readonly repo: string },
): Promise<ReadonlyMap<string, OpenIssue>> {
  const found = new Map<string, OpenIssue>();
  for (let page = 1; page <= MAX_PAGES; page++) {
    const { data } = await client.rest.issues.listForRepo({
      ...place,
      state: 'open',
      labels: LABEL,
      per_page: PER_PAGE,
      page,
    });
    for (const { number, body, user, created_at: createdAt } of data) {
      const key = /^<!-- (paved-[0-9a-f]{32}) -->/.exec(body ?? '')?.[1];
      if (key !== undefined && user?.type === 'Bot') found.set(key, { number, body: body ?? '', createdAt });
    }
    if (data.length < PER_PAGE) break;
  }
  return found;
}

/** Opens the issue, or brings an open one up to date; returns its number and when the owner was told first. */
export async function keepIssue(
  client: GitHubClient,
  place: { readonly owner: string; readonly repo: string },
  open: ReadonlyMap<string, OpenIssue>,
  { key, title, body, labels }: IssueRequest,
  now: string,
): Promise<{ readonly number: number; readonly notifiedAt: string; readonly opened: boolean }> {
  const existing = open.get(key);
  if (existing === undefined) {
    const { data } = await client.rest.issues.create({ ...place, title, body, labels: [LABEL, ...labels] });
    return { number: data.number, notifiedAt: data.created_at ?? now, opened: true };
  }
  if (existing.body !== body) await client.rest.issues.update({ ...place, issue_number: existing.number, title, body });
  return { number: existing.number, notifiedAt: existing.createdAt ?? now, opened: false };
}
