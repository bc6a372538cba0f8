import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Reply } from './loopback.js';

/**
 * What goes wrong with one request: `drop` cuts the connection before anything happens; `drop-answer` does the work and cuts
 * before the answer; `status` refuses without doing the work; `truncate` does the work and sends half of the answer (all but
 * the last header when it has no body); `headers` overrides headers of the answer (a lying Docker-Content-Digest);
 * `reply` answers something else altogether; `stall` does nothing for a while and then cuts the connection.
 */
export type Fault =
  | { readonly kind: 'drop' }
  | { readonly kind: 'drop-answer' }
  | { readonly kind: 'status'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  | { readonly kind: 'truncate' }
  | { readonly kind: 'stall'; readonly ms: number }
  | { readonly kind: 'headers'; readonly headers: Readonly<Record<string, string>> }
  | { readonly kind: 'reply'; readonly reply: Reply };

/** Runs `handle` as far as `fault` lets it and writes the answer. */
export function applyFault(
  fault: Fault | undefined,
  request: IncomingMessage,
  response: ServerResponse,
  handle: () => Promise<Reply>,
): void {
  if (fault?.kind === 'drop') {
    request.socket.destroy();
    return;
  }
  if (fault?.kind === 'stall') {
    setTimeout(() => request.socket.destroy(), fault.ms);
    return;
  }
  const before = replyInstead(fault);
  if (before !== undefined) {
    request.resume();
    request.once('end', () => write(request, response, before));
    request.once('error', () => response.destroy());
    return;
  }
  handle().then(
    (reply) => finish(fault, request, response, reply),
    () => request.socket.destroy(),
  );
}

function replyInstead(fault: Fault | undefined): Reply | undefined {
  if (fault?.kind === 'reply') return fault.reply;
  if (fault?.kind !== 'status') return undefined;
  return { status: fault.status, headers: fault.headers ?? {}, body: 'injected fault' };
}

function finish(fault: Fault | undefined, request: IncomingMessage, response: ServerResponse, reply: Reply): void {
  if (fault?.kind === 'drop-answer') {
    request.socket.destroy();
  } else if (fault?.kind === 'truncate') {
    truncate(request, response, reply);
  } else if (fault?.kind === 'headers') {
    write(request, response, { ...reply, headers: { ...reply.headers, ...fault.headers } });
  } else {
    write(request, response, reply);
  }
}

function write(request: IncomingMessage, response: ServerResponse, reply: Reply): void {
  const body = Buffer.from(reply.body ?? '');
  response.writeHead(reply.status, { 'content-length': String(body.length), ...reply.headers });
  response.end(request.method === 'HEAD' ? undefined : body);
}

function truncate(request: IncomingMessage, response: ServerResponse, reply: Reply): void {
  const body = Buffer.from(reply.body ?? '');
  if (body.length === 0 || request.method === 'HEAD') {
    // Half a header block: the client sees the start of an answer and then the end of the connection.
    request.socket.end(`HTTP/1.1 ${reply.status} Cut\r\ncontent-le`);
    return;
  }
  response.writeHead(reply.status, { 'content-length': String(body.length), ...reply.headers });
  response.write(body.subarray(0, Math.floor(body.length / 2)), () => request.socket.destroy());
}
