import { setTimeout as sleep } from 'node:timers/promises';
import { type HttpClient, HttpError, type HttpResponse, type RetryPolicy, redactUrl, retryDelayMs } from '@paved/http';
import { integer, JsonError, object, optional, parseJson, string } from '@paved/json';
import { assertAudience, readIdToken } from './audience.js';
import { LoginError } from './error.js';

export interface TokenExchangeOptions {
  readonly tokenUrl: URL;
  readonly audience: string;
  readonly scope?: string | undefined;
  readonly resource?: string | undefined;
  readonly http: HttpClient;
  /** Called before each attempt: the service may have seen the last token, and one is good for five minutes only. */
  readonly idToken: (audience: string) => Promise<string>;
  /** Called with every secret before anything else happens to it. */
  readonly mask: (secret: string) => void;
  readonly retry?: RetryPolicy;
}

export interface AccessToken {
  readonly token: string;
  /** From the answer's `expires_in`. */
  readonly expiresAt: Date | undefined;
  /** `sub` of the job's token, which the service trusted. */
  readonly subject: string;
}

const MAX_ANSWER_BYTES = 64 * 1024;
const TIMEOUT_MS = 20_000;
const RETRY: RetryPolicy = { attempts: 4, baseDelayMs: 500, maxDelayMs: 10_000 };

const answerDecoder = object({
  access_token: string,
  token_type: string,
  issued_token_type: optional(string),
  expires_in: optional(integer),
  refresh_token: optional(string),
});

/**
 * Exchanges an OIDC token of this job for an access token (RFC 8693, 2.1). Only failures that may pass are tried again; a refusal is not,
 * and no redirect is followed.
 * @throws {LoginError} `AUDIENCE_REFUSED`, `AUDIENCE_MISMATCH`, `EXCHANGE_REFUSED` with the subject that was refused,
 *   `EXCHANGE_UNAVAILABLE`, `EXCHANGE_ANSWER_INVALID`
 */
export async function exchangeToken(options: TokenExchangeOptions): Promise<AccessToken> {
  assertAudience(options.audience);
  const retry = options.retry ?? RETRY;
  for (let attempt = 1; ; attempt++) {
    const idToken = await options.idToken(options.audience);
    const { subject } = readIdToken(idToken, options.audience);
    try {
      return await exchangeOnce(options, idToken, subject);
    } catch (error) {
      if (!(error instanceof LoginError) || error.code !== 'EXCHANGE_UNAVAILABLE' || attempt >= retry.attempts)
        throw error;
      await sleep(retryDelayMs(retry, attempt, undefined));
    }
  }
}

async function exchangeOnce(options: TokenExchangeOptions, idToken: string, subject: string): Promise<AccessToken> {
  const form = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: idToken,
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    audience: options.audience,
  });
  if (options.scope !== undefined) form.set('scope', options.scope);
  if (options.resource !== undefined) form.set('resource', options.resource);
  try {
    const response = await options.http.request({
      method: 'POST',
      url: options.tokenUrl,
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: form.toString(),
      timeoutMs: TIMEOUT_MS,
      attempts: 1,
      accept: (status) => status < 300 || status >= 400,
    });
    const text = await response.text(MAX_ANSWER_BYTES);
    if (response.status !== 200) throw refusal(options.tokenUrl, response, text, subject);
    return readAnswer(options, text, subject);
  } catch (cause) {
    if (!(cause instanceof HttpError)) throw cause;
    const passing = cause.code === 'HTTP_UNREACHABLE' || cause.code === 'HTTP_TIMEOUT';
    const code = passing ? 'EXCHANGE_UNAVAILABLE' : 'EXCHANGE_ANSWER_INVALID';
    throw new LoginError(code, `Cannot exchange the token at ${redactUrl(options.tokenUrl)}`, {
      cause,
      hint: 'Check token-url, and whether the service answers; then run it again',
    });
  }
}

function readAnswer({ mask, tokenUrl }: TokenExchangeOptions, text: string, subject: string): AccessToken {
  const invalid = (state: string) =>
    new LoginError('EXCHANGE_ANSWER_INVALID', `Cannot use the answer of ${redactUrl(tokenUrl)}: ${state}`, {
      hint: 'Check that token-url is the token service itself, and not a page that signs in',
    });
  try {
    const answer = parseJson('the answer', text, answerDecoder);
    mask(answer.access_token);
    if (answer.refresh_token) mask(answer.refresh_token);
    if (!/^[\x21-\x7e]{8,16384}$/.test(answer.access_token)) throw invalid('its access token is not one plain word');
    if (answer.token_type.toLowerCase() !== 'bearer') throw invalid('its token is not of type Bearer');
    const seconds = answer.expires_in;
    if (seconds !== undefined && (seconds <= 0 || seconds > 366 * 86_400))
      throw invalid('its token has expired already');
    const expiresAt = seconds === undefined ? undefined : new Date(Date.now() + seconds * 1000);
    return { token: answer.access_token, expiresAt, subject };
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    // The parser's cause quotes the text around the mistake, and that text holds a token.
    throw invalid(error.code === 'JSON_UNEXPECTED' ? 'a field is missing or of another type' : 'it is not JSON');
  }
}

function refusal(tokenUrl: URL, response: HttpResponse, text: string, subject: string): LoginError {
  const { status } = response;
  const what = `Cannot exchange the token at ${redactUrl(tokenUrl)}: it answered ${status}${oauthCode(text)}`;
  if (status === 408 || status === 429 || status >= 500)
    return new LoginError('EXCHANGE_UNAVAILABLE', what, {
      hint: 'Run it again later: the service is down or overloaded',
    });
  return new LoginError('EXCHANGE_REFUSED', `${what} for subject "${subject}"`, {
    hint: 'Make the trust policy of the service match this subject and audience exactly',
  });
}

/** The standard error code alone: a description may hold anything. */
function oauthCode(text: string): string {
  try {
    const { error } = parseJson('the answer', text, object({ error: string }));
    return /^[a-z_]{1,60}$/.test(error) ? ` (${error})` : '';
  } catch {
    return '';
  }
}
