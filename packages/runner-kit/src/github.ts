import { getOctokit } from '@actions/github';
import { RunnerError } from './error.js';

export {
  type IssueText,
  issueMarker,
  keepMarkedIssue,
  type MarkedIssue,
  markedIssues,
  type Ours,
  type Place,
} from './issues.js';

export type GitHubClient = ReturnType<typeof getOctokit>;

const MAX_HOPS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * An Octokit for the API of this run's server. Requests and redirects to any other origin are refused, so that the token cannot
 * reach another host through an absolute URL in an answer.
 * @throws {RunnerError} `GITHUB_HOST_REFUSED` (as the cause of Octokit's error)
 */
export function githubClient(options: { readonly apiUrl: string; readonly token: string }): GitHubClient {
  const api = new URL(options.apiUrl);
  return getOctokit(options.token, {
    baseUrl: options.apiUrl.replace(/\/$/, ''),
    request: { fetch: (url: string, init: RequestInit) => boundFetch(api, url, init) },
  });
}

async function boundFetch(api: URL, address: string, init: RequestInit): Promise<Response> {
  let url = assertSameOrigin(api, new URL(address));
  for (let hop = 0; hop < MAX_HOPS; hop++) {
    const response = await fetch(url, { ...init, redirect: 'manual' });
    const location = response.headers.get('location');
    if (!REDIRECTS.has(response.status) || location === null || (init.method ?? 'GET') !== 'GET') return response;
    await response.body?.cancel();
    url = assertSameOrigin(api, new URL(location, url));
  }
  throw refused(url, 'it redirects too often');
}

function assertSameOrigin(api: URL, url: URL): URL {
  if (url.origin === api.origin) return url;
  throw refused(url, `only ${api.origin} gets the token`);
}

function refused(url: URL, state: string): RunnerError {
  return new RunnerError('GITHUB_HOST_REFUSED', `Cannot call the API at ${url.origin}: ${state}`, {
    hint: 'Let no step set GITHUB_API_URL',
  });
}
