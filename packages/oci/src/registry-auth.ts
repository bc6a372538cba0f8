import { assertPublicHost, type HttpClient, HttpError, type HttpRequest, redactUrl } from '@paved/http';
import { type Challenge, parseChallenges } from './challenge.js';
import { OciError } from './error.js';
import type { RegistryCredentials } from './registry-config.js';

export interface RegistryAuthOptions {
  readonly http: HttpClient;
  /** Base of the registry. */
  readonly origin: URL;
  readonly credentials?: RegistryCredentials | undefined;
  /** Hosts (with port) besides the registry's own that may be asked for a token with the credentials. */
  readonly tokenHosts?: readonly string[] | undefined;
}

const MAX_TOKEN_BYTES = 64 * 1024;

/**
 * Answers a registry's challenges (distribution project, "Token Authentication"). The realm is chosen by whoever answered the request,
 * so credentials go to it only when its host is the registry's own or one that the user named; without credentials any public https
 * host will do. Tokens are kept per scope and never leave this object except as a header for the registry.
 */
export class RegistryAuth {
  readonly #options: RegistryAuthOptions;
  readonly #headers = new Map<string, string>();
  readonly #fetching = new Map<string, Promise<string>>();
  #basic: string | undefined;

  constructor(options: RegistryAuthOptions) {
    this.#options = options;
  }

  /** The header for a first try, if one is known for `scopes`. */
  header(scopes: readonly string[]): string | undefined {
    const { credentials } = this.#options;
    if (credentials?.kind === 'bearer') return `Bearer ${credentials.token}`;
    return this.#basic ?? this.#headers.get(key(scopes));
  }

  /**
   * A header to try after a 401, or `undefined` when nothing better than `refused` can be had.
   * @throws {OciError} `REGISTRY_NOT_ALLOWED` for a realm that may not see the credentials, `REGISTRY_UNAUTHORIZED`
   */
  async answer(
    wwwAuthenticate: string | undefined,
    scopes: readonly string[],
    refused: string | undefined,
  ): Promise<string | undefined> {
    const known = this.header(scopes);
    // Another request has fetched a new token meanwhile.
    if (known !== undefined && known !== refused) return known;
    const challenges = parseChallenges(wwwAuthenticate ?? '');
    const bearer = challenges.find((entry) => entry.scheme === 'bearer');
    const { credentials } = this.#options;
    if (credentials?.kind === 'bearer') return undefined;
    if (bearer !== undefined) return await this.#freshToken(bearer, scopes);
    const basic = challenges.some((entry) => entry.scheme === 'basic') ? basicHeader(credentials) : undefined;
    if (basic === undefined || basic === refused) return undefined;
    this.#basic = basic;
    return basic;
  }

  /** Requests that were refused together wait for one token. */
  async #freshToken(challenge: Challenge, scopes: readonly string[]): Promise<string> {
    const name = key(scopes);
    const pending = this.#fetching.get(name);
    if (pending !== undefined) return await pending;
    const fetching = this.#fetchToken(challenge, scopes);
    this.#fetching.set(name, fetching);
    try {
      const header = await fetching;
      this.#headers.set(name, header);
      return header;
    } finally {
      this.#fetching.delete(name);
    }
  }

  async #fetchToken(challenge: Challenge, scopes: readonly string[]): Promise<string> {
    const realm = this.#realm(challenge.parameters.get('realm') ?? '');
    const service = challenge.parameters.get('service');
    const wanted = mergeScopes(challenge.parameters.get('scope'), scopes);
    try {
      const response = await this.#options.http.request(this.#tokenRequest(realm, service, wanted));
      const text = await response.text(MAX_TOKEN_BYTES);
      if (response.status !== 200) throw tokenRefused(realm, response.status);
      return `Bearer ${readToken(text, realm)}`;
    } catch (cause) {
      if (!(cause instanceof HttpError)) throw cause;
      const code = cause.code === 'HTTP_ADDRESS_REFUSED' ? 'REGISTRY_NOT_ALLOWED' : 'REGISTRY_UNAVAILABLE';
      throw new OciError(code, `Cannot fetch a registry token from ${redactUrl(realm)}`, { cause });
    }
  }

  #tokenRequest(realm: URL, service: string | undefined, scopes: readonly string[]): HttpRequest {
    const { credentials } = this.#options;
    const parameters = new URLSearchParams();
    if (service !== undefined) parameters.set('service', service);
    // 429 and 5xx stay errors, so that the client retries them.
    const accept = (status: number) => status === 200 || (status >= 400 && status < 500 && status !== 429);
    if (credentials?.kind === 'identity') {
      parameters.set('grant_type', 'refresh_token');
      parameters.set('client_id', 'paved');
      parameters.set('scope', scopes.join(' '));
      parameters.set('refresh_token', credentials.refreshToken);
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      return { method: 'POST', url: realm, headers, body: parameters.toString(), attempts: 4, accept };
    }
    for (const scope of scopes) parameters.append('scope', scope);
    const url = new URL(realm);
    for (const [name, value] of parameters) url.searchParams.append(name, value);
    const authorization = basicHeader(credentials);
    return { method: 'GET', url, headers: authorization === undefined ? {} : { authorization }, accept };
  }

  #realm(text: string): URL {
    const { origin, credentials, tokenHosts = [] } = this.#options;
    const realm = URL.canParse(text) ? new URL(text) : undefined;
    if (realm === undefined || realm.username !== '' || realm.password !== '') throw realmRefused(origin, text);
    const named = realm.host === origin.host || tokenHosts.includes(realm.host);
    const plain = realm.protocol === 'http:' && origin.protocol === 'http:' && named;
    if (realm.protocol !== 'https:' && !plain) throw realmRefused(origin, text);
    if (!named) {
      if (credentials !== undefined) throw realmRefused(origin, text);
      refusePrivate(realm, origin);
    }
    return realm;
  }
}

function refusePrivate(realm: URL, origin: URL): void {
  try {
    assertPublicHost(realm, origin);
  } catch (cause) {
    throw new OciError('REGISTRY_NOT_ALLOWED', `Cannot ask ${redactUrl(realm)} for a token: it is a private address`, {
      cause,
    });
  }
}

function realmRefused(origin: URL, realm: string): OciError {
  return new OciError(
    'REGISTRY_NOT_ALLOWED',
    `Cannot sign in to ${origin.host}: it sends the credentials to ${redactUrl(realm)}`,
    { hint: 'If this host issues the tokens of your registry, name it in token-hosts' },
  );
}

function tokenRefused(realm: URL, status: number): OciError {
  return new OciError('REGISTRY_UNAUTHORIZED', `Cannot fetch a registry token from ${redactUrl(realm)}: ${status}`, {
    hint: 'Check the user name and token in the registry config',
  });
}

function readToken(text: string, realm: URL): string {
  const state = `Cannot fetch a registry token from ${redactUrl(realm)}: the answer holds none`;
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    // Without the parser's message, which quotes the answer.
    throw new OciError('REGISTRY_UNAVAILABLE', state);
  }
  const { token, access_token: accessToken } = (answer ?? {}) as Record<string, unknown>;
  const found = typeof token === 'string' && token !== '' ? token : accessToken;
  if (typeof found !== 'string' || !/^[\x21-\x7e]+$/.test(found)) throw new OciError('REGISTRY_UNAUTHORIZED', state);
  return found;
}

/** The challenged scope first, because some services read only the first; only for a repository that was asked for anyway. */
function mergeScopes(challenged: string | undefined, scopes: readonly string[]): readonly string[] {
  const repositories = scopes.map(repositoryOf);
  const extra = (challenged ?? '').split(' ').filter((scope) => repositories.includes(repositoryOf(scope)));
  return [...new Set([...extra, ...scopes])];
}

function repositoryOf(scope: string): string {
  return scope.slice(0, scope.lastIndexOf(':'));
}

function basicHeader(credentials: RegistryCredentials | undefined): string | undefined {
  if (credentials?.kind !== 'basic') return undefined;
  return `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`;
}

function key(scopes: readonly string[]): string {
  return scopes.join(' ');
}
