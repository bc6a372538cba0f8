import { HttpClient, type HttpRequest, type HttpResponse } from '@paved/http';
import { HermeticBuildError } from '../error.js';
import type { RegistryKind } from '../kinds/locked-project.js';

export interface RegistryCredential {
  /** Never part of a message. */
  readonly token: string;
  /** With it the token is a password. */
  readonly username?: string | undefined;
}

const UNUSABLE = /[\0-\x20\x7f-\uffff]/;

/**
 * The client that shows the credential to one registry: to the origin (for npm, the path) that the inputs name, and to nobody that a lock file, an
 * index or a redirect names. Without a credential it is `http` itself.
 * @param registry as the inputs name it
 * @throws {HermeticBuildError} `CREDENTIAL_REFUSED`
 */
export function registryClient(
  http: HttpClient,
  credential: RegistryCredential | undefined,
  registry: URL | undefined,
  kind: RegistryKind | undefined,
): HttpClient {
  if (credential === undefined) return http;
  const { token, username } = credential;
  if (registry === undefined) {
    throw refused('no input names the registry that it is for', 'Set registry-url or registries to that registry');
  }
  if (
    UNUSABLE.test(token.trim()) ||
    token.trim() === '' ||
    (username !== undefined && /[:\0-\x20\x7f-\uffff]/.test(username))
  ) {
    throw refused('it has characters that no header can hold', 'Give the token alone, without quotes and line breaks');
  }
  return new CredentialClient(http, scopeOf(registry, kind), authorizationOf(token.trim(), username, kind));
}

/** Cargo sends its token as it is (The Cargo Book, "Registry Authentication"); the others take one as Bearer. */
function authorizationOf(token: string, username: string | undefined, kind: RegistryKind | undefined): string {
  if (username !== undefined) return `Basic ${Buffer.from(`${username}:${token}`).toString('base64')}`;
  return kind === 'cargo' ? token : `Bearer ${token}`;
}

/** Which addresses may see the credential. */
type Scope = (url: URL) => boolean;

/**
 * The origin, and for npm, which has its archives below the registry, its path: a host may serve many teams, and a lock file may name
 * any of them (npm itself looks up tokens by path). Indexes of the other kinds have their files beside them.
 */
function scopeOf(registry: URL, kind: RegistryKind | undefined): Scope {
  const sameOrigin = (url: URL) => url.origin === registry.origin;
  if (kind !== 'npm') return sameOrigin;
  const folder = registry.pathname.endsWith('/') ? registry.pathname : `${registry.pathname}/`;
  // A server may decode what the parser of addresses leaves alone.
  const goesBack = (path: string) =>
    path
      .replaceAll(/%2f|%5c|\\/gi, '/')
      .split('/')
      .some((part) => /^(?:\.|%2e){2}$/i.test(part));
  return (url) => sameOrigin(url) && url.pathname.startsWith(folder) && !goesBack(url.pathname);
}

class CredentialClient extends HttpClient {
  readonly #http: HttpClient;
  readonly #scope: Scope;
  readonly #authorization: string;

  constructor(http: HttpClient, scope: Scope, authorization: string) {
    super();
    this.#http = http;
    this.#scope = scope;
    this.#authorization = authorization;
  }

  /** A redirect to another origin loses the header again: that is the client's own rule. */
  override async request(request: HttpRequest): Promise<HttpResponse> {
    if (!this.#scope(new URL(request.url))) return await this.#http.request(request);
    return await this.#http.request({
      ...request,
      headers: { ...request.headers, authorization: this.#authorization },
    });
  }
}

export function refused(state: string, hint: string): HermeticBuildError {
  return new HermeticBuildError('CREDENTIAL_REFUSED', `Cannot use registry-token: ${state}`, { hint });
}
