import type { IssueRequest } from '@paved/gate/results';
import { assertWrittenBy, isWrittenBy } from '@paved/runner-kit';
import type { GitHubClient } from '@paved/runner-kit/github';

/** Told apart from issues of people; the key in the body tells them apart from each other. */
const LABEL = 'paved-gate';
const PER_PAGE = 100;
const MAX_PAGES = 50;

export interface Place {
  readonly owner: string;
  readonly repo: string;
}

interface OpenIssue {
  readonly number: number;
  readonly body: string;
}

/** Open issues of `author` under our label, by key. Somebody else's issue with our marker hides none of ours, and is not ours to edit. */
async function openIssues(client: GitHubClient, place: Place, author: string): Promise<ReadonlyMap<string, OpenIssue>> {
  const found = new Map<string, OpenIssue>();
  for (let page = 1; page <= MAX_PAGES; page++) {
    const query = { ...place, state: 'open', labels: LABEL, per_page: PER_PAGE, page } as const;
    const { data } = await client.rest.issues.listForRepo(query);
    for (const { number, body, user } of data) {
      const key = /^<!-- (paved-[0-9a-f]{32}) -->/.exec(body ?? '')?.[1];
      if (key !== undefined && isWrittenBy(user, author)) found.set(key, { number, body: body ?? '' });
    }
    if (data.length < PER_PAGE) break;
  }
  return found;
}

/**
 * One open issue per finding: opened once, brought up to date when its facts change, never closed here.
 * @throws {RunnerError} `AUTHOR_MISMATCH`
 */
export async function keepIssues(
  client: GitHubClient,
  place: Place,
  requests: readonly IssueRequest[],
  author: string,
): Promise<{ readonly opened: number; readonly updated: number }> {
  const known = await openIssues(client, place, author);
  let [opened, updated] = [0, 0];
  for (const request of requests) {
    const { key, title, labels } = request;
    const body = withoutRun(request.body);
    const existing = known.get(key);
    if (existing === undefined) {
      const { data } = await client.rest.issues.create({ ...place, title, body, labels: [LABEL, ...labels] });
      assertWrittenBy(data.user, author, `issue ${data.number}`);
      opened++;
    } else if (existing.body.trim() !== body.trim()) {
      await client.rest.issues.update({ ...place, issue_number: existing.number, title, body });
      updated++;
    }
  }
  return { opened, updated };
}

/** A link to this run would change the issue in every run. */
function withoutRun(body: string): string {
  return body.replace(/\n\n\[Everything that was found\][^\n]*\n$/, '\n');
}
