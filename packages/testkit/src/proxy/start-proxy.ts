import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { listenOnLoopback } from '../issuer/listen.js';

/** One request that arrived at the proxy, in order. */
export interface ProxiedRequest {
  readonly kind: 'tunnel' | 'forward';
  /** `host:port` of a tunnel, or the whole address of a request that is forwarded. */
  readonly target: string;
  readonly headers: IncomingMessage['headers'];
}

/**
 * `serve` it, or answer with a status; `silent` says nothing, `drip` one byte of its answer now and then, `close` ends the connection,
 * `early` sends bytes behind the head of its answer, before the client spoke to the server.
 */
export type ProxyConduct = 'serve' | 'silent' | 'drip' | 'close' | 'early' | number;

export interface ProxyOptions {
  /** Ports of 127.0.0.1 by the `host:port` that clients ask for: no name is resolved, and nothing else is reached. */
  readonly hosts: Readonly<Record<string, number>>;
  /** `user:password` that every request has to have; without it, none is asked for. */
  readonly credentials?: string;
  /** The proxy itself speaks TLS. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Default `serve`. */
  readonly conduct?: (request: ProxiedRequest, index: number) => ProxyConduct;
  /** Default: a free one. */
  readonly port?: number;
}

export interface ProxyDouble {
  /** Without credentials. */
  readonly url: string;
  /** `127.0.0.1:<port>` */
  readonly host: string;
  readonly port: number;
  readonly requests: readonly ProxiedRequest[];
  /** Connections that clients opened. */
  readonly connections: number;
  /** All that clients sent through tunnels, as the proxy saw it. */
  tunnelled(): Buffer;
  close(): Promise<void>;
}

const DRIP_MS = 20;
const HEAD = 'HTTP/1.1 200 Connection established\r\n\r\n';

/** Starts a forward proxy on 127.0.0.1: `CONNECT`, and requests that name a whole address. */
export async function startProxy(options: ProxyOptions): Promise<ProxyDouble> {
  const requests: ProxiedRequest[] = [];
  const sent: Buffer[] = [];
  const sockets = new Set<Duplex>();
  let connections = 0;
  const take = (kind: ProxiedRequest['kind'], { url = '', headers }: IncomingMessage): ProxyConduct => {
    const taken = { kind, target: url, headers };
    requests.push(taken);
    const { credentials } = options;
    const expected = `Basic ${Buffer.from(credentials ?? '').toString('base64')}`;
    if (credentials !== undefined && headers['proxy-authorization'] !== expected) return 407;
    return options.conduct?.(taken, requests.length - 1) ?? 'serve';
  };
  const forward = (incoming: IncomingMessage, response: ServerResponse) =>
    forwardRequest(incoming, response, take('forward', incoming), options.hosts);
  const server = options.tls === undefined ? createServer(forward) : createSecureServer(options.tls, forward);
  server.on('connection', (socket) => {
    connections++;
    keep(sockets, socket);
  });
  server.on('connect', (incoming, socket) => {
    keep(sockets, socket);
    const port = options.hosts[incoming.url ?? ''];
    const conduct = take('tunnel', incoming);
    if (conduct !== 'serve' && conduct !== 'early') return misconduct(socket, conduct);
    if (port === undefined) return misconduct(socket, 502);
    const upstream = connect(port, '127.0.0.1', () => {
      socket.write(conduct === 'early' ? `${HEAD}bytes of nobody` : HEAD);
      socket.on('data', (chunk: Buffer) => sent.push(chunk));
      socket.pipe(upstream).pipe(socket);
    });
    keep(sockets, upstream);
    socket.on('close', () => upstream.destroy());
    upstream.on('close', () => socket.destroy());
  });
  const { port, close } = await listenOnLoopback(server, options.port);
  return {
    url: `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    host: `127.0.0.1:${port}`,
    port,
    requests,
    get connections() {
      return connections;
    },
    tunnelled: () => Buffer.concat(sent),
    close() {
      for (const socket of sockets) socket.destroy();
      return close();
    },
  };
}

function keep(sockets: Set<Duplex>, socket: Duplex): void {
  sockets.add(socket);
  socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
}

function misconduct(socket: Duplex, conduct: Exclude<ProxyConduct, 'serve' | 'early'>): void {
  if (conduct === 'silent') return;
  if (conduct === 'close') {
    socket.destroy();
    return;
  }
  if (conduct === 'drip') {
    drip(socket);
    return;
  }
  const ask = conduct === 407 ? 'Proxy-Authenticate: Basic realm="proxy"\r\n' : '';
  socket.end(`HTTP/1.1 ${conduct} no\r\n${ask}Content-Length: 0\r\n\r\n`);
}

function drip(socket: Duplex): void {
  let at = 0;
  const slow = `HTTP/1.1 200 ok\r\nX-Slow: ${'x'.repeat(8000)}`;
  const timer = setInterval(() => socket.write(slow[at++] ?? 'x'), DRIP_MS);
  socket.on('close', () => clearInterval(timer));
}

function forwardRequest(
  incoming: IncomingMessage,
  response: ServerResponse,
  conduct: ProxyConduct,
  hosts: ProxyOptions['hosts'],
): void {
  if (typeof conduct === 'number') {
    response.writeHead(conduct, conduct === 407 ? { 'proxy-authenticate': 'Basic realm="proxy"' } : {}).end();
    return;
  }
  if (conduct !== 'serve') {
    misconduct(incoming.socket, conduct === 'early' ? 'close' : conduct);
    return;
  }
  const url = URL.parse(incoming.url ?? '');
  const port = url === null ? undefined : hosts[`${url.hostname}:${url.port || 80}`];
  if (url === null || port === undefined) {
    response.writeHead(502).end();
    return;
  }
  const { 'proxy-authorization': _own, 'proxy-connection': _hop, ...headers } = incoming.headers;
  const path = `${url.pathname}${url.search}`;
  const upstream = request({ host: '127.0.0.1', port, method: incoming.method, path, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  upstream.on('error', () => response.destroy());
  response.on('close', () => upstream.destroy());
  incoming.pipe(upstream);
}
