import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Binds a server to 127.0.0.1 on a free port; `close` also ends idle keep-alive connections. */
export async function listenOnLoopback(
  server: Server,
  port = 0,
): Promise<{ readonly url: string; readonly port: number; close(): Promise<void> }> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve());
  });
  const bound = (server.address() as AddressInfo).port;
  return {
    url: `http://127.0.0.1:${bound}`,
    port: bound,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
