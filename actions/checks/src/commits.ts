import { array, boolean, integer, object, string } from '@paved/json';
import type { ActionContext } from '@paved/runner-kit';
import type { CommitRange } from './commit-range.js';
import { ChecksError } from './error.js';
import type { Finding } from './finding.js';

/** What one page of the API has at most, and how many pages are read. */
const PER_PAGE = 100;
const MAX_COMMITS = 2000;
const MAX_PAGE_BYTES = 64 * 1024 * 1024;

const repository = object({ default_branch: string });
const comparison = object({
  total_commits: integer,
  commits: array(
    object({ sha: string, commit: object({ verification: object({ verified: boolean, reason: string }) }) }),
  ),
});

/**
 * Every commit of the range whose signature the server did not verify. `compare` needs no more than contents: read, knows the
 * commits of forks, and says how many there are: a list that ends early is an error, not a clean one.
 * @throws {ChecksError} `COMMITS_INCOMPLETE`
 */
export async function unsignedCommits(
  range: CommitRange,
  token: string,
  context: ActionContext,
): Promise<{ readonly checked: number; readonly findings: readonly Finding[] }> {
  const base = range.base ?? (await read('', repository, token, context)).default_branch;
  const seen = new Map<string, Finding | undefined>();
  for (let page = 1; ; page += 1) {
    const path = `/compare/${encodeURIComponent(base)}...${range.head}?per_page=${PER_PAGE}&page=${page}`;
    const { total_commits: total, commits } = await read(path, comparison, token, context);
    if (total > MAX_COMMITS) throw incomplete(`there are ${total}, the limit is ${MAX_COMMITS}`);
    const before = seen.size;
    for (const { sha, commit } of commits) {
      const { verified, reason } = commit.verification;
      const detail = `Commit ${sha.slice(0, 40)} is not verified: ${reason.slice(0, 60)}`;
      seen.set(sha, verified ? undefined : { rule: 'unsigned-commit', detail, commit: sha });
    }
    if (seen.size === total) break;
    if (seen.size > total || seen.size === before) throw incomplete(`the server listed ${seen.size} of ${total}`);
  }
  return { checked: seen.size, findings: [...seen.values()].filter((finding) => finding !== undefined) };
}

function incomplete(state: string): ChecksError {
  return new ChecksError('COMMITS_INCOMPLETE', `Cannot check every commit: ${state}`, {
    hint: 'Split the change, or run it again',
  });
}

/** Only this server's API gets the token; a redirect is refused. */
async function read<T>(
  path: string,
  decoder: (value: unknown) => T,
  token: string,
  { http, runner }: ActionContext,
): Promise<T> {
  const response = await http.request({
    method: 'GET',
    url: `${runner.apiUrl.replace(/\/$/, '')}/repos/${runner.repository}${path}`,
    headers: {
      accept: 'application/vnd.github+json',
      authorization: `Bearer ${token}`,
      'x-github-api-version': '2022-11-28',
    },
  });
  return await response.json(decoder, MAX_PAGE_BYTES);
}
