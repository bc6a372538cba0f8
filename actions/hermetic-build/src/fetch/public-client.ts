import { HttpClient, HttpError, type HttpRequest, type HttpResponse, redactUrl } from '@paved/http';
import { HermeticBuildError } from '../error.js';
import type { NamedHosts } from './named-hosts.js';

/**
 * The client of the fetch phase: an address on a host that nobody but a lock file, a Dockerfile or an index names is asked only where
 * it is public, and so is all that it redirects to. Where the user named the host, its redirects are its word, and held to what
 * every redirect is held to.
 */
export class PublicClient extends HttpClient {
  readonly #http: HttpClient;
  readonly #hosts: NamedHosts;

  constructor(http: HttpClient, hosts: NamedHosts) {
    super();
    this.#http = http;
    this.#hosts = hosts;
  }

  /** @throws {HermeticBuildError} `ADDRESS_REFUSED`, besides what the client throws */
  override async request(request: HttpRequest): Promise<HttpResponse> {
    const url = new URL(request.url);
    if (this.#hosts.has(url)) return await this.#http.request(request);
    try {
      return await this.#http.request({ ...request, publicUnless: (hop) => this.#hosts.has(hop) });
    } catch (error) {
      // The cause would name a place that the answer of somebody else leads to.
      if (error instanceof HttpError && error.code === 'HTTP_ADDRESS_REFUSED') throw refused(url);
      throw error;
    }
  }
}

function refused(url: URL): HermeticBuildError {
  const state = 'it is, or leads to, an address of a private network, and no input names that host';
  return new HermeticBuildError('ADDRESS_REFUSED', `Cannot fetch ${redactUrl(url)}: ${state}`, {
    hint: 'If the host is yours, name it in registry-url, registries or private-hosts; else find out who wrote it into the lock file',
  });
}
