import { request as requestPlain } from 'node:http';
import type { AgentOptions } from 'node:https';
import type { LookupFunction, Socket } from 'node:net';
import { HttpError } from './error.js';
import type { ForwardProxy } from './proxy.js';
import { proxyRefusal, tunnelTimeout, unreachableProxy } from './proxy-error.js';

/** Handed in, because a process that speaks no TLS does not load it. */
type Https = typeof import('node:https');
type Opened = (error: Error | null, socket?: Socket) => void;

interface Tunnel {
  readonly https: Https;
  readonly proxy: ForwardProxy;
  /** Resolves the name of the proxy. */
  readonly lookup: LookupFunction | undefined;
}

interface Target {
  /** `host:port` */
  readonly authority: string;
  readonly timeoutMs: number;
}

/**
 * Keep-alive connections with TLS from here to the server, each in a tunnel that a proxy opened (RFC 9110, 9.3.6): the proxy learns
 * host and port. Not with `proxyEnv` of Node's agents: there a server that is silent while TLS begins holds a request for good, as
 * neither its timeout nor destroying it ends it, and a proxy of another kind than http is passed over in silence.
 */
export function tunnelAgent(tunnel: Tunnel, options: AgentOptions): InstanceType<Https['Agent']> {
  const agent = new tunnel.https.Agent(options);
  const secured = agent.createConnection.bind(agent);
  agent.createConnection = (given, done) => {
    const { host, port, timeout = 0 } = given;
    const name = host?.includes(':') ? `[${host}]` : host;
    openTunnel(tunnel, { authority: `${name}:${port}`, timeoutMs: timeout }, (error, socket) => {
      const opened = done as Opened | undefined;
      if (socket === undefined) return opened?.(error);
      // From here on it is a connection as any other, whose handshake the limits of the request watch.
      opened?.(null, secured({ ...given, socket } as typeof given) as Socket);
    });
    return undefined;
  };
  return agent;
}

function openTunnel({ https, proxy, lookup }: Tunnel, { authority, timeoutMs }: Target, opened: Opened): void {
  const { host, port, authorization } = proxy;
  const outgoing = (proxy.isSecure ? https.request : requestPlain)({
    host,
    port,
    method: 'CONNECT',
    path: authority,
    agent: false,
    headers: { host: authority, ...(authorization === undefined ? {} : { 'proxy-authorization': authorization }) },
    ...(lookup === undefined ? {} : { lookup }),
  });
  // Over all, so that a proxy cannot hold a request with single bytes.
  const timer = setTimeout(() => outgoing.destroy(tunnelTimeout(proxy, authority, timeoutMs)), timeoutMs);
  outgoing.on('error', (cause) => {
    clearTimeout(timer);
    opened(cause instanceof HttpError ? cause : unreachableProxy(proxy, authority, cause));
  });
  outgoing.on('connect', ({ statusCode = 0 }, socket: Socket, head) => {
    clearTimeout(timer);
    const isOpen = statusCode >= 200 && statusCode < 300;
    // The server speaks after us, so what comes before is none of its own.
    if (isOpen && head.length === 0) return opened(null, socket);
    socket.destroy();
    opened(proxyRefusal(proxy, authority, isOpen ? 502 : statusCode));
  });
  outgoing.end();
}
