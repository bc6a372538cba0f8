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
 * The client that shows the credential to one registry: to the origin that the inputs name, and to nobody that a lock file, an
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
  return new CredentialClient(http, registry.origin, authorizationOf(token.trim(), username, kind));
}

/** Cargo sends its token as it is (The Cargo Book, "Registry Authentication"); the others take one as Bearer. */
function authorizationOf(token: string, username: string | undefined, kind: RegistryKind | undefined): string {
  if (username !== undefined) return `Basic ${Buffer.from(`${username}:${token}`).toString('base64')}`;
  return kind === 'cargo' ? token : `Bearer ${token}`;
}

class CredentialClient extends HttpClient {
  readonly #http: HttpClient;
  readonly #origin: string;
  readonly #authorization: string;

  constructor(http: HttpClient, origin: string, authorization: string) {
    super();
    this.#http = http;
    this.#origin = origin;
    this.#authorization = authorization;
  }

  /** A redirect to another origin loses the header again: that is the client's own rule. */
  override async request(request: HttpRequest): Promise<HttpResponse> {
    if (new URL(request.url).origin !== this.#origin) return await this.#http.request(request);
    return await this.#http.request({
      ...request,
      headers: { ...request.headers, authorization: this.#authorization },
    });
  }
}

export function refused(state: string, hint: string): HermeticBuildError {
  return new HermeticBuildError('CREDENTIAL_REFUSED', `Cannot use registry-token: ${state}`, { hint });
}
