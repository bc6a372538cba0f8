import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Loopback {
  readonly url: string;
  /** `METHOD /path` of every request. */
  readonly seen: string[];
  close(): void;
}

async function listen(handler: (url: string) => RequestListener): Promise<Loopback> {
  const seen: string[] = [];
  let answer: RequestListener = () => {};
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url?.split('?')[0]}`);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  answer = handler(url);
  return {
    url,
    seen,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Release assets by path. */
export function startReleases(assets: Map<string, Buffer>): Promise<Loopback> {
  return listen(() => (request, response) => {
    const bytes = assets.get(request.url?.slice(1) ?? '');
    response.writeHead(bytes === undefined ? 404 : 200).end(bytes);
  });
}

/** The cache service's three calls (twirp, JSON) and the blob store behind them, for one repository. */
export function startCache(entries: Map<string, Buffer>): Promise<Loopback> {
  return listen((url) => async (request, response) => {
    const [, kind, key = ''] = new URL(request.url ?? '', url).pathname.split(/\/(blob|twirp)\//);
    if (kind === 'blob') {
      if (request.method === 'PUT') {
        entries.set(key, await bodyOf(request));
        response.writeHead(201, { etag: '"1"', 'x-ms-request-id': '1' }).end();
      } else response.end(entries.get(key));
      return;
    }
    const call = JSON.parse((await bodyOf(request)).toString('utf8')) as { key: string; version: string };
    const name = `${call.key}-${call.version}`;
    const blob = `${url}/blob/${name}?sig=canary-signature`;
    const answers: Record<string, object> = {
      CreateCacheEntry: { ok: true, signed_upload_url: blob },
      FinalizeCacheEntryUpload: { ok: true, entry_id: '1' },
      GetCacheEntryDownloadURL: entries.has(name)
        ? { ok: true, signed_download_url: blob, matched_key: call.key }
        : { ok: false },
    };
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answers[key.split('/').at(-1) ?? '']));
  });
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
