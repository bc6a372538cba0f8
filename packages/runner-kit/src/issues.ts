import { assertWrittenBy, isWrittenBy } from './author.js';
import type { GitHubClient } from './github.js';

const PER_PAGE = 100;
const MAX_PAGES = 50;

export interface Place {
  readonly owner: string;
  readonly repo: string;
}

/** An issue of ours, with the marker that its body begins with. */
export interface MarkedIssue {
  readonly number: number;
  /** Tells it apart from others under the same label. */
  readonly key: string;
  readonly body: string;
  readonly labels: readonly string[];
  readonly createdAt: string | undefined;
  /** Absent while it is open. */
  readonly closedAt: string | undefined;
}

/** `body` begins with {@link issueMarker} of the key; every fact of others in it is escaped. */
export interface IssueText {
  readonly title: string;
  readonly body: string;
  readonly labels: readonly string[];
}

/** First line of the body of an issue; `key` is `paved-` and 32 hexadecimal digits. */
export function issueMarker(key: string): string {
  return `<!-- ${key} -->`;
}

/** What makes an issue ours besides its marker. */
export interface Ours {
  readonly label: string;
  /** Login that the token writes under. */
  readonly author: string;
}

/** Issues of `author` under our label, open and closed. Somebody else's issue with our marker hides none of ours, and is not ours to edit. */
export async function markedIssues(
  client: GitHubClient,
  place: Place,
  { label, author }: Ours,
): Promise<readonly MarkedIssue[]> {
  const found: MarkedIssue[] = [];
  for (let page = 1; page <= MAX_PAGES; page++) {
    const query = { ...place, state: 'all', labels: label, per_page: PER_PAGE, page } as const;
    const { data } = await client.rest.issues.listForRepo(query);
    for (const issue of data) {
      const body = issue.body ?? '';
      const key = /^<!-- (paved-[0-9a-f]{32}) -->/.exec(body)?.[1];
      if (key === undefined || !isWrittenBy(issue.user, author)) continue;
      found.push({
        number: issue.number,
        key,
        body,
        labels: issue.labels.map((entry) => (typeof entry === 'string' ? entry : (entry.name ?? ''))),
        createdAt: issue.created_at,
        closedAt: issue.state === 'closed' ? (issue.closed_at ?? issue.updated_at) : undefined,
      });
    }
    if (data.length < PER_PAGE) break;
  }
  return found;
}

/**
 * Opens the issue, or brings an open one up to date; returns its number and when the owner was told first.
 * @throws {RunnerError} `AUTHOR_MISMATCH` when the token turns out to write as somebody else than `author`
 */
export async function keepMarkedIssue(
  client: GitHubClient,
  place: Place,
  existing: Pick<MarkedIssue, 'number' | 'body' | 'createdAt'> | undefined,
  { title, body, labels }: IssueText,
  author: string,
): Promise<{ readonly number: number; readonly notifiedAt: string }> {
  const now = new Date().toISOString();
  if (existing === undefined) {
    const { data } = await client.rest.issues.create({ ...place, title, body, labels: [...labels] });
    assertWrittenBy(data.user, author, `issue ${data.number}`);
    return { number: data.number, notifiedAt: data.created_at ?? now };
  }
  if (existing.body !== body) await client.rest.issues.update({ ...place, issue_number: existing.number, title, body });
  return { number: existing.number, notifiedAt: existing.createdAt ?? now };
}
