import { createServer, type IncomingMessage } from 'node:http';
import { listenOnLoopback } from '../issuer/listen.js';
import { applyFault, type Fault } from './fault.js';

/** What a handler answers; the server adds Content-Length and, for HEAD, drops the body. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
}

/** One request as it arrived, in order. Credentials are kept as the raw header, so that a test can search every log for a canary. */
export interface LoggedRequest {
  readonly index: number;
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly authorization: string | undefined;
  /** Set once the answer is decided. */
  status: number | undefined;
}

export interface Loopback {
  readonly url: string;
  /** `127.0.0.1:<port>` */
  readonly host: string;
  readonly requests: readonly LoggedRequest[];
  close(): Promise<void>;
}

export interface LoopbackOptions {
  readonly handle: (request: IncomingMessage, url: URL) => Promise<Reply>;
  readonly onRequest?: ((request: LoggedRequest) => Fault | undefined) | undefined;
  /** Default: a free one. */
  readonly port?: number | undefined;
}

/** Starts an HTTP server on 127.0.0.1 with a free port, a request log and fault injection. */
export async function startLoopback(options: LoopbackOptions): Promise<Loopback> {
  const requests: LoggedRequest[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', `http://${request.headers.host ?? '127.0.0.1'}`);
    const logged: LoggedRequest = {
      index: requests.length,
      method: request.method ?? 'GET',
      path: url.pathname,
      query: url.search,
      authorization: request.headers.authorization,
      status: undefined,
    };
    requests.push(logged);
    const fault = options.onRequest?.(logged);
    applyFault(fault, request, response, async () => {
      const reply = await options.handle(request, url);
      logged.status = reply.status;
      return reply;
    });
  });
  const { url, port, close } = await listenOnLoopback(server, options.port);
  return { url, host: `127.0.0.1:${port}`, requests, close };
}

/** Reads a request's body whole; throws when the client breaks off, so that nothing half sent is ever stored. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const expected = request.headers['content-length'];
  const body = Buffer.concat(chunks);
  if (expected !== undefined && Number(expected) !== body.length) {
    throw new Error(`The client announced ${expected} bytes and sent ${body.length}`);
  }
  return body;
}
