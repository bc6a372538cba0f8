import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sha256 } from '@paved/digest';

/** Where a body breaks off, and what the registry says afterwards. */
export interface PartialRegistryOptions {
  /** The connection is cut when this many bytes of the body of request `n` (from 0) have arrived; `undefined` lets it pass. */
  readonly cutAt: (request: number, method: string) => number | undefined;
  /** What GET of the session answers as Range; default the truth. */
  readonly range?: (stored: number) => string | undefined;
}

export interface PartialRegistry {
  readonly host: string;
  readonly blobs: ReadonlyMap<string, Buffer>;
  /** Method and length of body of each request on a session. */
  readonly uploads: readonly (readonly [string, number])[];
  close(): Promise<void>;
}

/** A registry that keeps what arrived of an upload that broke off, as distribution does; the double keeps nothing. */
export async function startPartialRegistry(options: PartialRegistryOptions): Promise<PartialRegistry> {
  const blobs = new Map<string, Buffer>();
  const uploads: [string, number][] = [];
  const sessions = new Map<string, Buffer>();
  let bodies = 0;
  const server = createServer((request, response) => {
    void answer(request, response).catch(() => request.socket.destroy());
  });
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://registry');
    const method = request.method ?? '';
    const digest = url.pathname.split('/').at(-1) ?? '';
    if (method === 'HEAD') {
      const blob = blobs.get(digest);
      response.writeHead(blob === undefined ? 404 : 200, { 'content-length': String(blob?.length ?? 0) }).end();
      return;
    }
    if (method === 'POST') {
      const id = String(sessions.size);
      sessions.set(id, Buffer.alloc(0));
      response.writeHead(202, { location: `/v2/octo/app/blobs/uploads/${id}?s=1` }).end();
      return;
    }
    await session(request, response, url, digest);
  }
  async function session(request: IncomingMessage, response: ServerResponse, url: URL, id: string): Promise<void> {
    const method = request.method ?? '';
    const stored = sessions.get(id);
    if (stored === undefined) return void response.writeHead(404).end();
    const location = `${url.pathname}?s=1`;
    if (method === 'GET') {
      const range = options.range === undefined ? `0-${Math.max(0, stored.length - 1)}` : options.range(stored.length);
      return void response.writeHead(204, { location, ...(range === undefined ? {} : { range }) }).end();
    }
    if (method === 'DELETE') {
      sessions.delete(id);
      return void response.writeHead(204).end();
    }
    const cut = options.cutAt(bodies++, method) ?? Number.POSITIVE_INFINITY;
    const start = /^(\d+)-/.exec(request.headers['content-range'] ?? '')?.[1];
    if (start !== undefined && Number(start) !== stored.length) return void response.writeHead(416).end();
    let body = Buffer.alloc(0);
    const upload: [string, number] = [method, 0];
    uploads.push(upload);
    for await (const chunk of request as AsyncIterable<Buffer>) {
      body = Buffer.concat([body, chunk.subarray(0, cut - body.length)]);
      upload[1] = body.length;
      if (body.length < cut) continue;
      sessions.set(id, Buffer.concat([stored, body]));
      request.socket.destroy();
      return;
    }
    const whole = Buffer.concat([stored, body]);
    sessions.set(id, whole);
    if (method === 'PATCH') {
      return void response.writeHead(202, { location, range: `0-${whole.length - 1}` }).end();
    }
    const digest = url.searchParams.get('digest') ?? '';
    if (sha256(whole) !== digest) return void response.writeHead(400).end();
    blobs.set(digest, whole);
    response.writeHead(201, { 'docker-content-digest': digest }).end();
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    blobs,
    uploads,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
