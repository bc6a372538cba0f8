import { lookup } from 'node:dns/promises';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { connect, isIP, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { DigestStream } from '@paved/digest';
import { isPrivateAddress } from '@paved/http';
import { hostName, isListed } from '../fetch/host-list.js';
import { MirrorLog, type MirrorTraffic } from './mirror-log.js';
import type { Mirror } from './patch-mirrors.js';

export interface MirrorProxyOptions {
  readonly mirrors: readonly Mirror[];
  /** Path of the socket that is made; at most 107 bytes. */
  readonly socket: string;
  /** Answers requests that are for ourselves. */
  readonly local: (message: IncomingMessage, response: ServerResponse) => void;
  /** All addresses of a name; default: those that this machine resolves. */
  readonly resolve?: (host: string) => Promise<readonly string[]>;
}

export interface MirrorProxy {
  traffic(): MirrorTraffic;
  /** Ends every connection. */
  close(): Promise<void>;
}

interface Target {
  readonly host: string;
  readonly port: number;
  readonly name: string;
}

const IDLE_MS = 60_000;
const MAX_CONNECTIONS = 256;
/** Nothing that a package manager does not need goes out, so that little can be said in it. */
const SENT_HEADERS = ['accept', 'accept-encoding', 'cache-control', 'if-modified-since', 'if-range', 'range'];
const KEPT_HEADERS = ['accept-ranges', 'content-encoding', 'content-length', 'content-range', 'content-type'];
const PASSED_HEADERS = [...KEPT_HEADERS, 'date', 'etag', 'last-modified', 'location'];

class Refusal extends Error {}

/**
 * An HTTP proxy that reaches the mirrors of its list and nothing else: `GET` and `HEAD` of an http address, and tunnels (`CONNECT`).
 * A name is resolved here, once, and the address that was checked is the one that is dialled; a name that stands for a private
 * address is refused, an address is reached only where the list has that very address.
 */
export async function startMirrorProxy(options: MirrorProxyOptions): Promise<MirrorProxy> {
  const log = new MirrorLog();
  const open = new Set<Socket>();
  const forwarder = new Forwarder(options, log, open);
  const server = createServer({ keepAliveTimeout: IDLE_MS }, (message, response) => {
    if (message.url?.startsWith('/') === true) options.local(message, response);
    else void forwarder.forward(message, response);
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.on('connection', (socket) => track(open, socket));
  server.on('connect', (message: IncomingMessage, socket: Socket, head: Buffer) => {
    void forwarder.tunnel(message.url ?? '', socket, head);
  });
  // Another protocol in the same connection would be a way past the list.
  server.on('upgrade', (_message, socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(options.socket, resolve));
  return {
    traffic: () => log.traffic(),
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

function track(open: Set<Socket>, socket: Socket): void {
  open.add(socket);
  socket.on('error', () => socket.destroy());
  socket.once('close', () => open.delete(socket));
}

class Forwarder {
  readonly #options: MirrorProxyOptions;
  readonly #log: MirrorLog;
  readonly #open: Set<Socket>;

  constructor(options: MirrorProxyOptions, log: MirrorLog, open: Set<Socket>) {
    this.#options = options;
    this.#log = log;
    this.#open = open;
  }

  async forward(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = message.url ?? '';
    try {
      const url = URL.canParse(asked) ? new URL(asked) : undefined;
      if (url?.protocol !== 'http:' || url.username !== '' || url.password !== '') {
        throw new Refusal('it is no plain http address');
      }
      const method = message.method ?? '';
      if (method !== 'GET' && method !== 'HEAD') throw new Refusal(`${method.slice(0, 20)} is not allowed`);
      if (this.#log.full) throw new Refusal('there were too many downloads');
      const target = targetOf(url.hostname, url.port === '' ? 80 : Number(url.port));
      const address = await this.#addressOf(target);
      await this.#fetch({ url, method, target, address }, message, response);
    } catch (error) {
      this.#answer(asked, error, response);
    }
  }

  /** Both ends are joined; what is said is theirs alone. */
  async tunnel(asked: string, socket: Socket, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy());
    try {
      const parts = /^(?:\[([0-9a-f:.]+)\]|([^:[\]/@\s]+)):(\d{1,5})$/i.exec(asked);
      if (parts === null) throw new Refusal('it is no host and port');
      const target = targetOf(parts[1] ?? parts[2] ?? '', Number(parts[3]));
      const outgoing = connect({ host: await this.#addressOf(target), port: target.port });
      track(this.#open, outgoing);
      for (const end of [socket, outgoing]) end.setTimeout(IDLE_MS, () => end.destroy());
      outgoing.once('connect', () => {
        this.#log.reach(target.name);
        socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
        outgoing.write(head);
        outgoing.pipe(socket);
        socket.pipe(outgoing);
      });
      outgoing.once('close', () => socket.destroy());
      socket.once('close', () => outgoing.destroy());
    } catch (error) {
      this.#refuse(asked, error);
      socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
    }
  }

  async #fetch(
    { url, method, target, address }: { url: URL; method: string; target: Target; address: string },
    message: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    message.resume();
    const headers = { ...chosen(message, SENT_HEADERS), host: url.host, connection: 'close', 'user-agent': 'paved' };
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const path = `${url.pathname}${url.search}`;
      const outgoing = request({ host: address, port: target.port, method, path, headers, agent: false });
      outgoing.on('socket', (socket) => track(this.#open, socket));
      outgoing.setTimeout(IDLE_MS, () => outgoing.destroy(new Error('no answer')));
      outgoing.once('error', reject).once('response', resolve).end();
    });
    this.#log.reach(target.name);
    response.writeHead(answer.statusCode ?? 502, chosen(answer, PASSED_HEADERS));
    const hashing = new DigestStream();
    await pipeline(answer, hashing, response);
    if (method === 'GET' && answer.statusCode === 200) {
      this.#log.download({ url: url.href, size: hashing.size, sha256: hashing.digest });
    }
  }

  async #addressOf({ host, port }: Target): Promise<string> {
    if (!isListed(this.#options.mirrors, host, port)) throw new Refusal('it is not in patch-mirrors');
    // An address of the list is the operator's own word.
    if (isIP(host) !== 0) return host;
    if (host === 'localhost') return '127.0.0.1';
    const addresses = await (this.#options.resolve ?? resolveAll)(host);
    const [first] = addresses;
    if (first === undefined) throw new Error('it has no address');
    if (addresses.some(isPrivateAddress)) throw new Refusal('it stands for a private address');
    return first;
  }

  #answer(asked: string, error: unknown, response: ServerResponse): void {
    this.#refuse(asked, error);
    if (response.headersSent) response.destroy();
    else response.writeHead(error instanceof Refusal ? 403 : 502, { connection: 'close' }).end();
  }

  #refuse(asked: string, error: unknown): void {
    if (error instanceof Refusal) this.#log.refuse(originOf(asked), error.message);
  }
}

function targetOf(hostname: string, port: number): Target {
  const host = hostName(hostname.replace(/^\[(.*)\]$/, '$1'));
  return { host, port, name: `${host.includes(':') ? `[${host}]` : host}:${port}` };
}

/** Paths may say more than a record should repeat. */
function originOf(asked: string): string {
  if (!URL.canParse(asked)) return asked;
  const { protocol, host, port } = new URL(asked);
  if (protocol !== 'http:' && protocol !== 'https:') return asked;
  return port === '' ? `${host}:${protocol === 'http:' ? 80 : 443}` : host;
}

function chosen({ headers }: IncomingMessage, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => (typeof headers[name] === 'string' ? [[name, headers[name]]] : [])),
  );
}

async function resolveAll(host: string): Promise<readonly string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}
