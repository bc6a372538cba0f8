import {
  HttpClient,
  HttpError,
  type HttpRequest,
  type HttpResponse,
  isPrivateAddress,
  type RetryPolicy,
} from '@paved/http';
import { withinDeadline } from './deadline.js';
import { OciError } from './error.js';
import type { RegistryHost, RepositoryName } from './reference.js';
import { RegistryAuth } from './registry-auth.js';
import type { RegistryCredentials } from './registry-config.js';
import { RepositoryClient } from './repository-client.js';
import { DEFAULT_RETRY, type EndingRetryPolicy, isTransientStatus } from './retry.js';

export interface RegistryClientOptions {
  readonly registry: RegistryHost;
  /** Default: a client with the policy of `retry`. */
  readonly http?: HttpClient;
  readonly credentials?: RegistryCredentials | undefined;
  /** Speaks http to a host that is not loopback; loopback hosts are spoken to over http anyway. */
  readonly plainHttp?: boolean;
  /** Hosts besides the registry that may see the credentials to issue its tokens; `parseTokenHosts` reads them. */
  readonly tokenHosts?: readonly string[];
  readonly retry?: RetryPolicy;
  /**
   * Ends everything: once it is aborted nothing is sent but what cancels an upload session, and what is being sent is cut off. A reason
   * that is an error of ours is what is thrown then.
   */
  readonly signal?: AbortSignal | undefined;
}

/** `scopes` are what a token has to cover; `accept` lists the statuses that are an answer. */
export interface RegistryRequest extends Omit<HttpRequest, 'url' | 'accept'> {
  readonly url: URL;
  readonly scopes: readonly string[];
  readonly accept: readonly number[];
}

const DOCKER_HUB = 'docker.io';
/** A runner kills a step that was cancelled 10 seconds after it said so. */
const CANCEL_TIMEOUT_MS = 3000;

/** One registry host and the way to sign in to it; {@link RegistryClient.repository} does the rest. */
export class RegistryClient {
  readonly registry: RegistryHost;
  readonly retry: EndingRetryPolicy;
  readonly signal: AbortSignal | undefined;
  readonly #http: HttpClient;
  readonly #origin: URL;
  readonly #auth: RegistryAuth;

  constructor(options: RegistryClientOptions) {
    this.registry = options.registry;
    this.retry = { ...(options.retry ?? DEFAULT_RETRY), signal: options.signal };
    this.signal = options.signal;
    this.#http = options.http ?? new HttpClient({ retry: this.retry });
    this.#origin = originOf(options.registry, options.plainHttp ?? false);
    const hub = options.registry === DOCKER_HUB ? ['auth.docker.io'] : [];
    this.#auth = new RegistryAuth({
      http: this.#http,
      origin: this.#origin,
      credentials: options.credentials,
      tokenHosts: [...(options.tokenHosts ?? []), ...hub],
    });
  }

  /** @param access `push` asks for one token with both actions, so that a push signs in once */
  repository(name: RepositoryName, access: 'pull' | 'push' = 'pull'): RepositoryClient {
    return new RepositoryClient(this, name, access);
  }

  url(path: string): URL {
    return new URL(path, this.#origin);
  }

  isOwn(url: URL): boolean {
    return url.origin === this.#origin.origin;
  }

  /** Closes idle connections. */
  close(): void {
    this.#http.close();
  }

  /**
   * Sends one request, signed in only when its URL is on the registry itself, and answers one 401 with a fresh token.
   * @throws {OciError} `REGISTRY_UNAUTHORIZED`, `REGISTRY_REFUSED`, `REGISTRY_UNAVAILABLE`, `REGISTRY_NOT_ALLOWED`,
   *   `DEADLINE_EXCEEDED`
   */
  async send(request: RegistryRequest): Promise<HttpResponse> {
    if (!this.isOwn(request.url)) return await this.#attempt(request, undefined);
    const header = await this.#auth.current(request.scopes);
    const first = await this.#attempt(request, header);
    if (first.status !== 401) return first;
    first.discard();
    const challenge = this.isOwn(first.url) ? first.header('www-authenticate') : undefined;
    const fresh = await this.#auth.answer(challenge, request.scopes, header);
    if (fresh === undefined) throw this.#unauthorized(request);
    const second = await this.#attempt(request, fresh);
    if (second.status !== 401) return second;
    second.discard();
    throw this.#unauthorized(request);
  }

  async #attempt(request: RegistryRequest, authorization: string | undefined): Promise<HttpResponse> {
    const { scopes: _, accept, ...rest } = request;
    const isCancelling = request.method === 'DELETE';
    const headers = { ...request.headers, ...(authorization === undefined ? {} : { authorization }) };
    try {
      return await withinDeadline(request.url, isCancelling ? undefined : this.signal, () =>
        this.#http.request({
          ...rest,
          ...(isCancelling ? { timeoutMs: CANCEL_TIMEOUT_MS } : {}),
          headers,
          accept: (status) => accept.includes(status) || (status === 401 && this.isOwn(request.url)),
        }),
      );
    } catch (cause) {
      throw cause instanceof HttpError ? this.#failure(request, cause) : cause;
    }
  }

  #failure(request: RegistryRequest, cause: HttpError): OciError {
    const what = `${request.method} on ${request.url.host}`;
    switch (cause.code) {
      case 'HTTP_REDIRECT_REFUSED':
      case 'HTTP_ADDRESS_REFUSED':
      case 'HTTP_URL_INVALID':
        return new OciError('REGISTRY_NOT_ALLOWED', `Cannot ${what}: it leads to another place`, {
          cause,
          hint: 'Name the host that the registry itself uses',
        });
      case 'HTTP_PROXY_INVALID':
      case 'HTTP_PROXY_REFUSED': {
        // A wrong password that is sent again and again locks its account.
        const code = isTransientStatus(cause.status ?? 0) ? 'REGISTRY_UNAVAILABLE' : 'REGISTRY_REFUSED';
        return new OciError(code, `Cannot ${what}: the proxy does not let it through`, {
          cause,
          hint: 'Check https_proxy, http_proxy and no_proxy',
        });
      }
      case 'HTTP_STATUS': {
        const status = cause.status ?? 0;
        const code = isTransientStatus(status) ? 'REGISTRY_UNAVAILABLE' : 'REGISTRY_REFUSED';
        const retryAfter = 'retryAfter' in cause && typeof cause.retryAfter === 'string' ? cause.retryAfter : undefined;
        return new OciError(code, `Cannot ${what}: it answered ${status}`, { cause, status, retryAfter });
      }
      default:
        return new OciError('REGISTRY_UNAVAILABLE', `Cannot ${what}: the connection failed`, {
          cause,
          hint: 'Check the address of the registry and the network; then run it again',
        });
    }
  }

  #unauthorized(request: RegistryRequest): OciError {
    return new OciError(
      'REGISTRY_UNAUTHORIZED',
      `Cannot ${request.method} on ${request.url.host}: the registry wants ${request.scopes.join(' and ')}`,
      { hint: 'Sign in with oidc-login, and give the identity these actions on the repository' },
    );
  }
}

function originOf(registry: RegistryHost, plainHttp: boolean): URL {
  const host = registry === DOCKER_HUB ? 'registry-1.docker.io' : registry;
  const { hostname } = new URL(`https://${host}`);
  const loopback = /^(?:localhost|127\.[0-9.]+|\[::1\])$/.test(hostname) && isPrivateAddress(hostname);
  return new URL(`${plainHttp || loopback ? 'http' : 'https'}://${host}/`);
}
