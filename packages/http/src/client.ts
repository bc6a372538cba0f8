import type { ClientRequest, IncomingMessage } from 'node:http';
import type { LookupFunction } from 'node:net';
import { pipeline } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertPublicHost, isPrivateAddress, isPrivateName, privateAddress } from './address.js';
import { type Connection, Connections } from './connections.js';
import { HttpError } from './error.js';
import { DEFAULT_MIN_BYTES_PER_SECOND, ProgressWatch } from './progress-watch.js';
import { type ForwardProxy, type ProxySettings, proxyCredentials, proxyFor } from './proxy.js';
import { proxyRefusal, unreachableProxy } from './proxy-error.js';
import { publicLookup } from './public-lookup.js';
import { redactUrl } from './redact.js';
import type { HttpBody, HttpRequest } from './request.js';
import { HttpResponse } from './response.js';
import { isTransient, type RetryPolicy, retryDelayMs } from './retry.js';
import { repeatsSecret, sentSecrets } from './sent-secrets.js';

export interface HttpClientOptions {
  readonly retry?: Partial<RetryPolicy>;
  /** Added to every request unless it sets its own. */
  readonly userAgent?: string;
  /** PEM certificates of authorities that are trusted besides those that Node trusts by itself. */
  readonly ca?: string;
  /** Least rate of a transfer over one `timeoutMs` (default 4096); what only drips is ended like what is silent. */
  readonly minBytesPerSecond?: number;
  /** Lower-case names of headers that never cross an origin, besides `authorization` and `cookie`. */
  readonly secretHeaders?: readonly string[];
  /** Resolves the names of hosts (default: as this machine does); behind a proxy that of the proxy alone, which resolves the others. */
  readonly lookup?: LookupFunction;
  /** Default: no proxy. Nothing here is read from the environment. */
  readonly proxy?: ProxySettings;
}

const DEFAULT_RETRY: RetryPolicy = { attempts: 4, baseDelayMs: 250, maxDelayMs: 20_000 };
const DEFAULT_TIMEOUT_MS = 30_000;
const MAX_HOPS = 5;
const MAX_ERROR_BODY_BYTES = 4096;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

interface Attempt {
  readonly request: HttpRequest;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * The one HTTP client of paved's own code, over node:http(s): one pass over bodies, keep-alive, a timeout per attempt that only
 * silence and a drip consume, retries on transient failures alone, and credentials that never follow a redirect to another origin.
 */
export class HttpClient {
  readonly #options: HttpClientOptions;
  readonly #retry: RetryPolicy;
  readonly #connections: Connections;
  /** A connection that was made without a look at its address is not for requests that need one. */
  readonly #publicConnections: Connections;
  readonly #secretNames: ReadonlySet<string>;

  constructor(options: HttpClientOptions = {}) {
    this.#options = options;
    this.#secretNames = new Set(['authorization', 'cookie', ...(options.secretHeaders ?? [])]);
    this.#retry = { ...DEFAULT_RETRY, ...options.retry };
    const { ca, lookup } = options;
    this.#connections = new Connections({ ca, lookup });
    this.#publicConnections = new Connections({ ca, lookup: publicLookup(lookup) });
  }

  /** A client of its own connections with these options besides those of this one, such as its proxy. */
  with(options: HttpClientOptions): HttpClient {
    return new HttpClient({ ...this.#options, ...options });
  }

  /**
   * @throws {HttpError} `HTTP_UNREACHABLE`, `HTTP_TIMEOUT`, `HTTP_STATUS` (with the first 4 KiB of the body as cause),
   *   `HTTP_REDIRECT_REFUSED`, `HTTP_ADDRESS_REFUSED`, `HTTP_URL_INVALID`, `HTTP_PROXY_INVALID`, `HTTP_PROXY_REFUSED`
   */
  async request(request: HttpRequest): Promise<HttpResponse> {
    const attempts =
      request.attempts ?? (request.method === 'POST' || request.method === 'PATCH' ? 1 : this.#retry.attempts);
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#once(request);
      } catch (error) {
        if (attempt >= attempts || !isTransient(error)) throw error;
        const retryAfter = error instanceof StatusError ? error.retryAfter : undefined;
        await sleep(retryDelayMs(this.#retry, attempt, retryAfter));
      }
    }
  }

  /** Closes idle sockets, so that a process can end. */
  close(): void {
    this.#connections.close();
    this.#publicConnections.close();
  }

  async #once(request: HttpRequest): Promise<HttpResponse> {
    const origin = parseUrl(request.url);
    let attempt: Attempt = { request, url: origin, headers: this.#headers(request) };
    for (let hop = 0; ; hop++) {
      const response = new HttpResponse(attempt.url, await this.#send(attempt));
      if (!REDIRECTS.has(response.status) || request.redirect === 'manual') {
        const { headers } = attempt;
        return await accepted(request, response, () => [
          ...sentSecrets(headers, this.#secretNames, request.body),
          ...proxyCredentials(this.#options.proxy ?? {}),
        ]);
      }
      attempt = this.#follow(attempt, response, origin, hop);
    }
  }

  #headers(request: HttpRequest): Record<string, string> {
    const headers: Record<string, string> = { 'user-agent': this.#options.userAgent ?? 'paved' };
    for (const [name, value] of Object.entries(request.headers ?? {})) headers[name.toLowerCase()] = value;
    if (request.body !== undefined) headers['content-length'] = String(bodyLength(request.body));
    return headers;
  }

  #follow(attempt: Attempt, response: HttpResponse, origin: URL, hop: number): Attempt {
    response.discard();
    const location = response.header('location');
    if (attempt.request.redirect !== 'follow' || location === undefined || hop >= MAX_HOPS) {
      throw new HttpError(
        'HTTP_REDIRECT_REFUSED',
        `Cannot ${attempt.request.method} ${redactUrl(attempt.url)}: it redirects (${response.status})`,
        {
          hint: 'Name the final address, if you trust it',
        },
      );
    }
    const url = parseUrl(location, attempt.url);
    // With a rule of its own each hop is held to that before it is sent.
    if (attempt.request.publicUnless === undefined) assertPublicHost(url, origin);
    if (attempt.url.protocol === 'https:' && url.protocol !== 'https:') {
      throw new HttpError('HTTP_REDIRECT_REFUSED', `Cannot follow ${redactUrl(url)}: it leaves https`, {
        hint: 'Use the address that it leads to, if that is https',
      });
    }
    return {
      ...attempt,
      url,
      headers: url.origin === origin.origin ? attempt.headers : this.#withoutSecrets(attempt.headers),
    };
  }

  #withoutSecrets(headers: Readonly<Record<string, string>>): Record<string, string> {
    return Object.fromEntries(Object.entries(headers).filter(([name]) => !this.#secretNames.has(name)));
  }

  async #connectionFor(
    { request: { publicUnless }, url }: Attempt,
    proxy: ForwardProxy | undefined,
  ): Promise<Connection> {
    if (publicUnless === undefined || publicUnless(url)) return await this.#connections.to(url, proxy);
    // No name is resolved for a literal. What a name stands for is for the proxy to see, so those of private networks are told by ear.
    if (isPrivateAddress(url.hostname) || (proxy !== undefined && isPrivateName(url.hostname))) {
      throw privateAddress(url.hostname);
    }
    return await (proxy === undefined ? this.#publicConnections.to(url) : this.#connections.to(url, proxy));
  }

  async #send(attempt: Attempt): Promise<IncomingMessage> {
    const { request, url, headers } = attempt;
    const timeoutMs = request.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const proxy = proxyFor(url, this.#options.proxy);
    const { agent, via, request: start } = await this.#connectionFor(attempt, proxy);
    const forwards = via === 'forward' ? proxy : undefined;
    return await new Promise((resolve, reject) => {
      const limit = via === 'tunnel' ? { timeout: timeoutMs } : {};
      const outgoing = start(url, { method: request.method, headers, agent, ...limit }, (message) => {
        watch.receive(message);
        if (forwards === undefined || message.statusCode !== 407) return resolve(message);
        outgoing.destroy();
        reject(proxyRefusal(forwards, url.host, 407));
      });
      const tooSlow = () => timeoutError(request, url, timeoutMs);
      const { minBytesPerSecond = DEFAULT_MIN_BYTES_PER_SECOND } = this.#options;
      const limits = { windowMs: timeoutMs, minBytesPerSecond };
      const watch = new ProgressWatch(outgoing, limits, (message) => (message ?? outgoing).destroy(tooSlow()));
      outgoing.setTimeout(timeoutMs, () => outgoing.destroy(tooSlow()));
      outgoing.on('error', (cause) => {
        if (cause instanceof HttpError) return reject(cause);
        reject(forwards === undefined ? unreachable(request, url, cause) : unreachableProxy(forwards, url.host, cause));
      });
      writeBody(request.body, outgoing);
    });
  }
}

function cureOfStatus(status: number): string {
  if (status === 401 || status === 403) return 'Check the credential, and that it may do this';
  if (status === 404 || status === 410) return 'Check the address, and that the credential may see what is there';
  if (status === 408 || status === 429 || status >= 500) return 'Run it again later: the server is down or overloaded';
  return 'Check the address and what it was asked for; the answer says why';
}

class StatusError extends HttpError {
  readonly retryAfter: string | undefined;

  constructor(message: string, status: number, retryAfter: string | undefined, cause: unknown) {
    super('HTTP_STATUS', message, { status, cause, hint: cureOfStatus(status) });
    this.retryAfter = retryAfter;
  }
}

function parseUrl(url: URL | string, base?: URL): URL {
  let parsed: URL;
  try {
    parsed = new URL(url, base);
  } catch (cause) {
    throw new HttpError('HTTP_URL_INVALID', 'Cannot parse a URL', {
      cause,
      hint: 'Give a whole address, such as https://host/path',
    });
  }
  if (parsed.protocol === 'http:' || parsed.protocol === 'https:') return parsed;
  throw new HttpError('HTTP_URL_INVALID', `Cannot use ${redactUrl(parsed)}: only http and https are supported`, {
    hint: 'Give an address that begins with https://',
  });
}

function bodyLength(body: HttpBody): number {
  if (typeof body === 'string') return Buffer.byteLength(body);
  return body.length;
}

/** What is larger is written in pieces of this size, so that what is still to be sent can be told from what is stuck. */
const PIECE_BYTES = 256 * 1024;

function writeBody(body: HttpBody | undefined, outgoing: ClientRequest): void {
  if (body instanceof Uint8Array && body.length > PIECE_BYTES) {
    writePieces(body, outgoing);
    return;
  }
  if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) {
    outgoing.end(body);
    return;
  }
  if ('writeTo' in body) {
    body.writeTo(outgoing).then(
      () => outgoing.end(),
      (error) => outgoing.destroy(error),
    );
    return;
  }
  pipeline(body.open(), outgoing, (error) => {
    if (error) outgoing.destroy(error);
  });
}

function writePieces(rest: Uint8Array, outgoing: ClientRequest): void {
  if (rest.length <= PIECE_BYTES) {
    outgoing.end(rest);
    return;
  }
  outgoing.write(rest.subarray(0, PIECE_BYTES), (error) => {
    if (!error) writePieces(rest.subarray(PIECE_BYTES), outgoing);
  });
}

async function accepted(
  request: HttpRequest,
  response: HttpResponse,
  secrets: () => readonly string[],
): Promise<HttpResponse> {
  const accept = request.accept ?? ((status: number) => status >= 200 && status < 300);
  if (accept(response.status) || (request.redirect === 'manual' && REDIRECTS.has(response.status))) return response;
  const excerpt = await response.text(MAX_ERROR_BODY_BYTES).catch(() => '');
  // Causes are printed, and some servers quote the request that they refuse.
  const cause =
    excerpt === '' || repeatsSecret(excerpt, secrets())
      ? undefined
      : new Error(excerpt.replaceAll(/[^\x20-\x7e]+/g, ' ').slice(0, 500));
  throw new StatusError(
    `Cannot ${request.method} ${redactUrl(response.url)}: the server answered ${response.status}`,
    response.status,
    response.header('retry-after'),
    cause,
  );
}

function timeoutError(request: HttpRequest, url: URL, timeoutMs: number): HttpError {
  return new HttpError(
    'HTTP_TIMEOUT',
    `Cannot ${request.method} ${redactUrl(url)}: no progress, or next to none, for ${timeoutMs} ms`,
    {
      hint: 'Check that the service answers, then run the step again',
    },
  );
}

function unreachable(request: HttpRequest, url: URL, cause: Error): HttpError {
  return new HttpError('HTTP_UNREACHABLE', `Cannot ${request.method} ${redactUrl(url)}: the connection failed`, {
    cause,
    hint: 'Check the host name and that the service answers from this runner',
  });
}
