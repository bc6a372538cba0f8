import { Agent, type ClientRequest, type IncomingMessage, type RequestOptions, request } from 'node:http';
import type { LookupFunction } from 'node:net';

export interface ConnectionOptions {
  /** PEM certificates of authorities that are trusted besides those that Node trusts by itself. */
  readonly ca?: string | undefined;
  readonly lookup?: LookupFunction | undefined;
}

/** Keep-alive connections of one protocol. */
export interface Connection {
  readonly agent: Agent;
  readonly request: (url: URL, options: RequestOptions, answer: (message: IncomingMessage) => void) => ClientRequest;
}

/** Connections that share names and authorities; TLS is loaded for the first address that wants it. */
export class Connections {
  readonly #options: ConnectionOptions;
  #plain: Connection | undefined;
  #secure: Promise<Connection> | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  async to({ protocol }: URL): Promise<Connection> {
    if (protocol !== 'https:') {
      this.#plain ??= { agent: new Agent(this.#agentOptions()), request };
      return this.#plain;
    }
    this.#secure ??= this.#openSecure();
    return await this.#secure;
  }

  /** Closes idle sockets, so that a process can end. */
  close(): void {
    this.#plain?.agent.destroy();
    this.#secure?.then(
      ({ agent }) => agent.destroy(),
      () => undefined,
    );
  }

  async #openSecure(): Promise<Connection> {
    const [https, { getCACertificates }] = await Promise.all([import('node:https'), import('node:tls')]);
    const { ca } = this.#options;
    // `ca` replaces what is trusted, so the default authorities are named again.
    const trusted = ca === undefined ? {} : { ca: [...getCACertificates('default'), ca] };
    return { agent: new https.Agent({ ...this.#agentOptions(), ...trusted }), request: https.request };
  }

  #agentOptions() {
    const { lookup } = this.#options;
    return { keepAlive: true, maxSockets: 32, ...(lookup === undefined ? {} : { lookup }) };
  }
}
