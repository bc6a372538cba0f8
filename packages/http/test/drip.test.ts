import { createHash, randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import { HttpClient } from '../src/index.js';

const client = new HttpClient({ retry: { attempts: 1 } });
const servers: Server[] = [];
const sockets = new Set<Socket>();

afterEach(() => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

/** What a connection does, byte for byte; it is never silent for long. */
async function serve(onConnection: (socket: Socket) => Promise<void>): Promise<string> {
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onConnection(socket).catch(() => undefined);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** Writes `piece` every 10 ms, as long as somebody listens. */
async function drip(socket: Socket, piece: string | Buffer, times = Number.POSITIVE_INFINITY): Promise<void> {
  for (let count = 0; count < times && !socket.destroyed; count++) {
    socket.write(piece);
    await sleep(10);
  }
}

const TIMEOUT = { timeoutMs: 100, attempts: 1 } as const;

describe('an answer that drips, and is never silent', () => {
  test.each<[string, (socket: Socket) => Promise<void>]>([
    [
      'in its first line',
      (socket) => {
        socket.resume().write('HTTP/1.1 200 ');
        return drip(socket, 'x');
      },
    ],
    [
      'in its headers',
      (socket) => {
        socket.resume().write('HTTP/1.1 200 OK\r\n');
        return drip(socket, 'a: b\r\n');
      },
    ],
    ['with interim answers', (socket) => drip(socket.resume(), 'HTTP/1.1 102 Processing\r\n\r\n')],
  ])('%s is given up', async (_name, onConnection) => {
    const url = await serve(onConnection);
    await expect(client.request({ method: 'GET', url, ...TIMEOUT })).rejects.toMatchObject({ code: 'HTTP_TIMEOUT' });
  });

  test.each([
    ['of a length that it states', 'content-length: 1000000', 'x'],
    ['in chunks', 'transfer-encoding: chunked', '1\r\nx\r\n'],
  ])('in a body %s is given up', async (_name, header, piece) => {
    const url = await serve((socket) => {
      socket.resume().write(`HTTP/1.1 200 OK\r\n${header}\r\n\r\n`);
      return drip(socket, piece);
    });
    const response = await client.request({ method: 'GET', url, ...TIMEOUT });
    await expect(response.text()).rejects.toMatchObject({ code: 'HTTP_TIMEOUT' });
  });

  test('in a body that is streamed is given up', async () => {
    const url = await serve((socket) => {
      socket.resume().write('HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n');
      return drip(socket, 'x');
    });
    const { body } = await client.request({ method: 'GET', url, ...TIMEOUT });
    const reading = (async () => {
      for await (const _ of body);
    })();
    await expect(reading).rejects.toMatchObject({ code: 'HTTP_TIMEOUT' });
  });

  test('in the body of an error, or in one that nobody wants, holds nobody', async () => {
    const url = await serve((socket) => {
      socket.resume().write('HTTP/1.1 500 No\r\ncontent-length: 4000\r\n\r\n');
      return drip(socket, 'x');
    });
    await expect(client.request({ method: 'GET', url, ...TIMEOUT })).rejects.toMatchObject({ code: 'HTTP_STATUS' });
    const response = await client.request({ method: 'GET', url, ...TIMEOUT, accept: () => true });
    const closed = new Promise((resolve) => response.body.once('close', resolve));
    response.discard();
    await closed;
    expect(response.body.complete).toBe(false);
  });
});

test('a body without end that nobody wants is closed', async () => {
  const url = await serve((socket) => {
    socket.resume().write('HTTP/1.1 200 OK\r\ncontent-length: 100000000000\r\n\r\n');
    return drip(socket, Buffer.alloc(65_536), 1000);
  });
  const { body, discard } = await client.request({ method: 'GET', url, timeoutMs: 10_000 }).then((response) => ({
    body: response.body,
    discard: () => response.discard(),
  }));
  const closed = new Promise((resolve) => body.once('close', resolve));
  discard();
  await closed;
  expect(body.complete).toBe(false);
});

test.each<[string, () => Readable | Buffer]>([
  ['from memory', () => Buffer.alloc(32 * 1024 * 1024)],
  ['from a stream', () => Readable.from(Array.from({ length: 128 }, () => Buffer.alloc(256 * 1024)))],
])('a body %s that nobody takes is given up, although the connection is never idle', async (_name, make) => {
  const url = await serve((socket) => {
    socket.pause();
    return drip(socket, 'HTTP/1.1 102 Processing\r\n\r\n');
  });
  const hasty = new HttpClient({ minBytesPerSecond: 4 * 1024 * 1024 });
  const body = make();
  const given = Buffer.isBuffer(body) ? body : { length: 32 * 1024 * 1024, open: () => body };
  const sending = hasty.request({ method: 'PUT', url, body: given, ...TIMEOUT });
  await expect(sending).rejects.toMatchObject({ code: 'HTTP_TIMEOUT' });
});

describe('slow and honest', () => {
  test('a body from memory that is read in time arrives whole', async () => {
    const url = await serve(async (socket) => {
      const hash = createHash('sha256');
      let size = 0;
      socket.on('data', (chunk: Buffer) => {
        const body = size === 0 ? chunk.subarray(chunk.indexOf('\r\n\r\n') + 4) : chunk;
        size += body.length;
        hash.update(body);
        if (size === 3_000_001) socket.write(`HTTP/1.1 200 ${hash.digest('hex')}\r\ncontent-length: 0\r\n\r\n`);
      });
    });
    const body = randomBytes(3_000_001);
    const response = await client.request({ method: 'PUT', url, body, timeoutMs: 10_000 });
    expect(response.body.statusMessage).toBe(createHash('sha256').update(body).digest('hex'));
  });

  test('a body above the least rate arrives whole, however long it takes', async () => {
    const url = await serve(async (socket) => {
      socket.resume().write('HTTP/1.1 200 OK\r\ncontent-length: 51200\r\n\r\n');
      await drip(socket, Buffer.alloc(512, 0x61), 100);
    });
    const response = await client.request({ method: 'GET', url, ...TIMEOUT });
    expect((await response.bytes()).length).toBe(51_200);
  });

  test('a reader that is slow itself is not blamed on the server', async () => {
    const url = await serve(async (socket) => {
      socket.resume().write('HTTP/1.1 200 OK\r\ncontent-length: 1048576\r\n\r\n');
      socket.write(Buffer.alloc(1_048_576));
    });
    const { body } = await client.request({ method: 'GET', url, timeoutMs: 200, attempts: 1 });
    let size = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      if (size === 0) await sleep(150);
      size += chunk.length;
    }
    expect(size).toBe(1_048_576);
  });

  test('a source that gives nothing to send is not blamed on the server', async () => {
    const url = await serve(async (socket) => {
      socket.on('data', (chunk: Buffer) => {
        if (chunk.includes('end')) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
      });
    });
    async function* slowly(): AsyncGenerator<string> {
      for (let count = 0; count < 30; count++) {
        await sleep(20);
        yield 'x';
      }
      yield 'end';
    }
    const body = { length: 33, open: () => Readable.from(slowly(), { objectMode: false }) };
    const response = await client.request({ method: 'PUT', url, body, ...TIMEOUT });
    expect(response.status).toBe(200);
    response.discard();
  });
});
