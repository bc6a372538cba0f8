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
  /** Milliseconds since the epoch (default: the clock). */
  readonly now?: () => number;
}

interface Token {
  readonly header: string;
  readonly challenge: Challenge;
  /** When it is replaced before it is used again, in milliseconds since the epoch. */
  readonly refreshAt: number;
}

const MAX_TOKEN_BYTES = 64 * 1024;
/** What a token service means that does not say how long its token lasts (distribution project, "Token Response Fields"). */
const DEFAULT_LIFETIME_S = 60;
/** A request that begins this long before its token ends is still accepted when it arrives. */
const MARGIN_MS = 15_000;

/**
 * Answers a registry's challenges (distribution project, "Token Authentication"). The realm is chosen by whoever answered the request,
 * so credentials go to it only when its host is the registry's own or one that the user named; without credentials any public https
 * host will do. Tokens are kept per scope and never leave this object except as a header for the registry.
 */
export class RegistryAuth {
  readonly #options: RegistryAuthOptions;
  readonly #tokens = new Map<string, Token>();
  readonly #fetching = new Map<string, Promise<Token>>();
  readonly #now: () => number;
  #basic: string | undefined;

  constructor(options: RegistryAuthOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /**
   * The header for a first try. A token that is about to end is replaced first: a registry looks at it when a request begins, and a
   * large blob that is refused would be sent twice.
   */
  async current(scopes: readonly string[]): Promise<string | undefined> {
    const token = this.#tokens.get(key(scopes));
    if (token === undefined || this.#now() < token.refreshAt) return this.header(scopes);
    // When that fails the old one is tried, and the registry's answer says what is wrong.
    return await this.#freshToken(token.challenge, scopes).catch(() => token.header);
  }

  /** The header for a first try, if one is known for `scopes`. */
  header(scopes: readonly string[]): string | undefined {
    const { credentials } = this.#options;
    if (credentials?.kind === 'bearer') return `Bearer ${credentials.token}`;
    return this.#basic ?? this.#tokens.get(key(scopes))?.header;
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
    if (pending !== undefined) return (await pending).header;
    const fetching = this.#fetchToken(challenge, scopes);
    this.#fetching.set(name, fetching);
    try {
      const token = await fetching;
      this.#tokens.set(name, token);
      return token.header;
    } finally {
      this.#fetching.delete(name);
    }
  }

  async #fetchToken(challenge: Challenge, scopes: readonly string[]): Promise<Token> {
    const realm = this.#realm(challenge.parameters.get('realm') ?? '');
    const service = challenge.parameters.get('service');
    const wanted = mergeScopes(challenge.parameters.get('scope'), scopes);
    try {
      const response = await this.#options.http.request(this.#tokenRequest(realm, service, wanted));
      const text = await response.text(MAX_TOKEN_BYTES);
      if (response.status !== 200) throw tokenRefused(realm, response.status);
      const { token, lifetimeS } = readToken(text, realm);
      const lifetimeMs = lifetimeS * 1000;
      const refreshAt = this.#now() + lifetimeMs - Math.min(MARGIN_MS, lifetimeMs / 4);
      return { header: `Bearer ${token}`, challenge, refreshAt };
    } catch (cause) {
      if (!(cause instanceof HttpError)) throw cause;
      const code = cause.code === 'HTTP_ADDRESS_REFUSED' ? 'REGISTRY_NOT_ALLOWED' : 'REGISTRY_UNAVAILABLE';
      throw new OciError(code, `Cannot fetch a registry token from ${redactUrl(realm)}`, {
        cause,
        hint: 'Check the credentials and whether the token service answers; then run it again',
      });
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
      hint: 'Name the host of the token service in token-hosts as registry=host, if it is yours',
    });
  }
}

function realmRefused(origin: URL, realm: string): OciError {
  return new OciError(
    'REGISTRY_NOT_ALLOWED',
    `Cannot sign in to ${origin.host}: it sends the credentials to ${redactUrl(realm)}`,
    { hint: 'If this host issues the tokens of your registry, name it in token-hosts as registry=host' },
  );
}

function tokenRefused(realm: URL, status: number): OciError {
  return new OciError('REGISTRY_UNAUTHORIZED', `Cannot fetch a registry token from ${redactUrl(realm)}: ${status}`, {
    hint: 'Check the user name and token in the registry config',
  });
}

const SERVICE = 'Check that the registry names its own token service, and not a page that signs in';

function readToken(text: string, realm: URL): { readonly token: string; readonly lifetimeS: number } {
  const state = `Cannot fetch a registry token from ${redactUrl(realm)}: the answer holds none`;
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    // Without the parser's message, which quotes the answer.
    throw new OciError('REGISTRY_UNAVAILABLE', state, { hint: SERVICE });
  }
  const { token, access_token: accessToken, expires_in: lifetime } = (answer ?? {}) as Record<string, unknown>;
  const found = typeof token === 'string' && token !== '' ? token : accessToken;
  if (typeof found !== 'string' || !/^[\x21-\x7e]+$/.test(found))
    throw new OciError('REGISTRY_UNAUTHORIZED', state, { hint: SERVICE });
  const lifetimeS = typeof lifetime === 'number' && lifetime > 0 ? lifetime : DEFAULT_LIFETIME_S;
  return { token: found, lifetimeS };
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
