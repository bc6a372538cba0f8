import { Agent, type ClientRequest, type IncomingMessage, type RequestOptions, request } from 'node:http';
import type { LookupFunction } from 'node:net';
import { urlToHttpOptions } from 'node:url';
import type { ForwardProxy } from './proxy.js';
import { tunnelAgent } from './tunnel.js';

export interface ConnectionOptions {
  /** PEM certificates of authorities that are trusted besides those that Node trusts by itself: for servers, never for a proxy. */
  readonly ca?: string | undefined;
  readonly lookup?: LookupFunction | undefined;
}

type Request = (url: URL, options: RequestOptions, answer: (message: IncomingMessage) => void) => ClientRequest;

/** Keep-alive connections of one protocol, all of them direct or all of them through one proxy. */
export interface Connection {
  readonly agent: Agent;
  readonly request: Request;
  /** `forward`: the proxy reads request and answer. `tunnel`: it opens one within the `timeout` of the request's options. */
  readonly via: 'forward' | 'tunnel' | undefined;
}

/** Connections that share names and authorities; TLS is loaded for the first address that wants it. */
export class Connections {
  readonly #options: ConnectionOptions;
  readonly #open = new Map<string, Promise<Connection>>();

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** @param proxy of this protocol, always the same one */
  async to({ protocol }: URL, proxy?: ForwardProxy): Promise<Connection> {
    const key = `${protocol} ${proxy?.name ?? ''}`;
    const found = this.#open.get(key);
    if (found !== undefined) return await found;
    const opening = protocol === 'https:' ? this.#openSecure(proxy) : this.#openPlain(proxy);
    this.#open.set(key, opening);
    return await opening;
  }

  /** Closes idle sockets, so that a process can end. */
  close(): void {
    for (const opening of this.#open.values()) {
      opening.then(
        ({ agent }) => agent.destroy(),
        () => undefined,
      );
    }
  }

  async #openPlain(proxy: ForwardProxy | undefined): Promise<Connection> {
    const options = this.#agentOptions();
    if (proxy === undefined) return { agent: new Agent(options), request, via: undefined };
    const via = 'forward';
    if (!proxy.isSecure) return { agent: new Agent(options), request: forwarded(request, proxy), via };
    const https = await import('node:https');
    return { agent: new https.Agent(options), request: forwarded(https.request, proxy), via };
  }

  async #openSecure(proxy: ForwardProxy | undefined): Promise<Connection> {
    const [https, { getCACertificates }] = await Promise.all([import('node:https'), import('node:tls')]);
    const { ca, lookup } = this.#options;
    // `ca` replaces what is trusted, so the default authorities are named again.
    const trusted = ca === undefined ? {} : { ca: [...getCACertificates('default'), ca] };
    const options = { ...this.#agentOptions(), ...trusted };
    if (proxy === undefined) return { agent: new https.Agent(options), request: https.request, via: undefined };
    return { agent: tunnelAgent({ https, proxy, lookup }, options), request: https.request, via: 'tunnel' };
  }

  #agentOptions() {
    const { lookup } = this.#options;
    return { keepAlive: true, maxSockets: 32, ...(lookup === undefined ? {} : { lookup }) };
  }
}

/** A request that names its whole address to the proxy (RFC 9112, 3.2.2). */
function forwarded(
  send: (options: RequestOptions, answer: (message: IncomingMessage) => void) => ClientRequest,
  proxy: ForwardProxy,
): Request {
  const { host, port, authorization } = proxy;
  return (url, options, answer) => {
    const { auth } = urlToHttpOptions(url);
    const headers = {
      ...options.headers,
      host: url.host,
      ...(authorization === undefined ? {} : { 'proxy-authorization': authorization }),
    };
    const path = `${url.origin}${url.pathname}${url.search}`;
    return send({ ...options, ...(auth == null ? {} : { auth }), host, port, path, headers }, answer);
  };
}
