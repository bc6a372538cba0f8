import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FileServer {
  readonly url: string;
  readonly requests: readonly string[];
  readonly files: Map<string, Buffer | string>;
  close(): Promise<void>;
}

/** Answers with the files by path, else 404; only on loopback. `%BASE%` in a text becomes the server's own address. */
export async function startFileServer(files: Readonly<Record<string, Buffer | string>>): Promise<FileServer> {
  const stored = new Map(Object.entries(files));
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '');
    requests.push(path);
    const found = stored.get(path);
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const body = typeof found === 'string' ? found.replaceAll('%BASE%', base) : found;
    const type = typeof found === 'string' && found.startsWith('<') ? 'text/html' : 'application/octet-stream';
    response.writeHead(found === undefined ? 404 : 200, { 'content-type': type }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    files: stored,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
