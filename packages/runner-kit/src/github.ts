import { getOctokit } from '@actions/github';
import { InternalError } from '@paved/errors';
import type { HttpClient, HttpRequest } from '@paved/http';
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
const MAX_ANSWER_BYTES = 128 * 1024 * 1024;
/** Some questions are long thought about. */
const TIMEOUT_MS = 120_000;
const WITHOUT_BODY = new Set([204, 205, 304]);

/**
 * An Octokit for the API of this run's server. Requests and redirects to any other origin are refused, so that the token cannot
 * reach another host through an absolute URL in an answer.
 * @throws {RunnerError} `GITHUB_HOST_REFUSED` (as the cause of Octokit's error)
 */
export function githubClient(options: {
  readonly apiUrl: string;
  readonly token: string;
  /** Knows the proxy, which the fetch of Node does not. */
  readonly http: HttpClient;
}): GitHubClient {
  const api = new URL(options.apiUrl);
  return getOctokit(options.token, {
    baseUrl: options.apiUrl.replace(/\/$/, ''),
    request: { fetch: (url: string, init: RequestInit) => boundFetch(options.http, api, url, init) },
  });
}

async function boundFetch(http: HttpClient, api: URL, address: string, init: RequestInit): Promise<Response> {
  let url = assertSameOrigin(api, new URL(address));
  for (let hop = 0; hop < MAX_HOPS; hop++) {
    const answer = await http.request({ ...requestOf(init), url });
    const location = answer.header('location');
    if (!REDIRECTS.has(answer.status) || location === undefined || (init.method ?? 'GET') !== 'GET') {
      const headers = Object.entries(answer.body.headersDistinct).flatMap(([name, values = []]) =>
        values.map((value): [string, string] => [name, value]),
      );
      const body = await answer.bytes(MAX_ANSWER_BYTES);
      return new Response(WITHOUT_BODY.has(answer.status) ? null : new Uint8Array(body), {
        status: answer.status,
        headers,
      });
    }
    answer.discard();
    url = assertSameOrigin(api, new URL(location, url));
  }
  throw refused(url, 'it redirects too often');
}

/** What Octokit passes: headers as an object, and a body that is text or bytes. */
function requestOf({ method = 'GET', headers, body }: RequestInit): Omit<HttpRequest, 'url'> {
  const given = Object.entries((headers ?? {}) as Record<string, unknown>).filter(([, value]) => value !== undefined);
  const bytes = body instanceof ArrayBuffer ? new Uint8Array(body) : body;
  if (bytes != null && typeof bytes !== 'string' && !(bytes instanceof Uint8Array)) {
    throw new InternalError('Cannot call the API: a body is neither text nor bytes');
  }
  return {
    method: method as HttpRequest['method'],
    headers: Object.fromEntries(given.map(([name, value]) => [name, String(value)])),
    ...(bytes == null ? {} : { body: bytes }),
    // Octokit tells what an answer means, and whether a question is asked again.
    accept: () => true,
    redirect: 'manual',
    attempts: 1,
    timeoutMs: TIMEOUT_MS,
  };
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
