import { commentMarker } from '@paved/gate/results';
import { assertWrittenBy, isWrittenBy } from '@paved/runner-kit';
import type { GitHubClient } from '@paved/runner-kit/github';

const PER_PAGE = 100;
/** 3,000 comments; a pull request with more gets a second one. */
const MAX_PAGES = 30;

export interface CommentTarget {
  readonly owner: string;
  readonly repo: string;
  readonly pullRequest: number;
  readonly key: string;
  /** Login that the token writes under. */
  readonly author: string;
}

/** Only a comment of `author` is ours: anybody can write the marker, and editing theirs would put our words into their mouth. */
async function findOwn(
  client: GitHubClient,
  { owner, repo, pullRequest, key, author }: CommentTarget,
): Promise<number | undefined> {
  const marker = commentMarker(key);
  for (let page = 1; page <= MAX_PAGES; page++) {
    const { data } = await client.rest.issues.listComments({
      owner,
      repo,
      issue_number: pullRequest,
      per_page: PER_PAGE,
      page,
    });
    const own = data.find(({ user, body }) => isWrittenBy(user, author) && body?.startsWith(marker) === true);
    if (own !== undefined) return own.id;
    if (data.length < PER_PAGE) return undefined;
  }
  return undefined;
}

/**
 * Replaces the comment of this key, or writes the first one when `worthSaying`: a clean pull request gets no noise.
 * @throws {RunnerError} `AUTHOR_MISMATCH`
 */
export async function postComment(
  client: GitHubClient,
  target: CommentTarget,
  text: string,
  worthSaying: boolean,
): Promise<boolean> {
  const { owner, repo, pullRequest } = target;
  const id = await findOwn(client, target);
  if (id === undefined && !worthSaying) return false;
  if (id !== undefined) {
    await client.rest.issues.updateComment({ owner, repo, comment_id: id, body: text });
    return true;
  }
  const { data } = await client.rest.issues.createComment({ owner, repo, issue_number: pullRequest, body: text });
  assertWrittenBy(data.user, target.author, `comment ${data.id}`);
  return true;
}
