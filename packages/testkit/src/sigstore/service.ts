import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { listenOnLoopback } from '../issuer/listen.js';

export type SigstoreServiceName = 'fulcio' | 'rekor' | 'tsa';

/** One request that reached a double, with its whole body as Latin-1 text, so that a test can look for a secret in it. */
export interface SigstoreRequest {
  readonly service: SigstoreServiceName;
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Set on `Sigstore.faults`, taken away by deleting it. */
export interface SigstoreFault {
  /** Answers with this status instead of working. */
  readonly status?: number;
  /** Body of that answer, made of the request's body: a server may echo what it got. */
  readonly body?: (requestBody: string) => string;
  /** Waits before anything else, in milliseconds. */
  readonly delayMs?: number;
  /** Applies to so many requests, then no more (default: to all). */
  times?: number;
}

export type SigstoreFaults = { [Name in SigstoreServiceName]?: SigstoreFault };

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Route {
  readonly method: string;
  readonly path: string;
  answer(body: Buffer, headers: IncomingHttpHeaders): Promise<Answer> | Answer;
}

/** Thrown by a route for what the real service answers with 4xx. */
export class RefusedRequest extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export function jsonAnswer(status: number, body: unknown): Answer {
  return { status, contentType: 'application/json', body: JSON.stringify(body) };
}

/** Serves routes on an own loopback port, logs every request and applies the service's fault. */
export async function startService(
  service: SigstoreServiceName,
  routes: readonly Route[],
  requests: SigstoreRequest[],
  faults: SigstoreFaults,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    void serve(request, response).catch(() => response.destroy());
  });
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request);
    const { method = '', url: path = '', headers } = request;
    requests.push({ service, method, path, headers, body: body.toString('latin1') });
    const faulty = await applyFault(faults[service], body);
    send(response, faulty ?? (await answerRoute(routes, method, path, body, headers)));
  }
  return await listenOnLoopback(server);
}

async function applyFault(fault: SigstoreFault | undefined, body: Buffer): Promise<Answer | undefined> {
  if (fault === undefined || fault.times === 0) return undefined;
  if (fault.times !== undefined) fault.times -= 1;
  if (fault.delayMs !== undefined) await sleep(fault.delayMs, undefined, { ref: false });
  if (fault.status === undefined) return undefined;
  const text = fault.body?.(body.toString('utf8')) ?? 'fault';
  return { status: fault.status, contentType: 'text/plain', body: text };
}

async function answerRoute(
  routes: readonly Route[],
  method: string,
  path: string,
  body: Buffer,
  headers: IncomingHttpHeaders,
): Promise<Answer> {
  const route = routes.find((candidate) => candidate.method === method && candidate.path === path);
  if (route === undefined) return jsonAnswer(404, { code: 5, message: 'Not Found' });
  try {
    return await route.answer(body, headers);
  } catch (error) {
    if (error instanceof RefusedRequest) return jsonAnswer(error.status, { code: 3, message: error.message });
    return jsonAnswer(400, { code: 3, message: 'the request cannot be read' });
  }
}

function send(response: ServerResponse, answer: Answer): void {
  response.writeHead(answer.status, { ...answer.headers, 'content-type': answer.contentType }).end(answer.body);
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
