import { RunnerError } from './error.js';

/** Who the token of a job writes as, on every server. */
export const JOB_TOKEN_AUTHOR = 'github-actions[bot]';

/** As the API gives it; `null` for an account that is gone. */
export type ApiUser = { readonly login: string; readonly type: string } | null | undefined;

/**
 * Whether `user` is `author`, the login that our token writes under. A marker in a text can be copied by anybody, and every App is a
 * `Bot`; no account of a person can have a login that ends in `[bot]`.
 */
export function isWrittenBy(user: ApiUser, author: string): boolean {
  if (user === null || user === undefined) return false;
  const isBot = author.toLowerCase().endsWith('[bot]');
  return user.login.toLowerCase() === author.toLowerCase() && (user.type === 'Bot') === isBot;
}

/**
 * Holds what the API says of a text that was just written to `author`: otherwise no later run would know it for its own, and each
 * would write it again.
 * @throws {RunnerError} `AUTHOR_MISMATCH`
 */
export function assertWrittenBy(user: ApiUser, author: string, what: string): void {
  if (isWrittenBy(user, author)) return;
  const login = user?.login ?? 'nobody';
  throw new RunnerError('AUTHOR_MISMATCH', `Cannot keep ${what}: the token writes as "${login}", not as "${author}"`, {
    hint: `Set author to ${login}, or give the token of ${author}; then remove what was written twice`,
  });
}
