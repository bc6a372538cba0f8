import { randomBytes } from 'node:crypto';
import { open, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { sha256 } from '@paved/digest';
import { describeBytes } from '../src/index.js';
import { VerifiedFileBody } from '../src/verified-file.js';
import { scratch } from './scratch.js';

const KIB = 1024;

async function bodyOf(bytes: Buffer, expected = bytes, start = 0): Promise<VerifiedFileBody> {
  const path = join(await scratch(), 'blob');
  await writeFile(path, bytes);
  const range = async () => ({ handle: await open(path), start });
  return new VerifiedFileBody(range, describeBytes('a/b', expected));
}

/** What arrives at a server that reads as fast, or as slowly, as `pauseAfter` says. */
async function receivedBy(body: VerifiedFileBody, length: number, isSlow: boolean): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const server = createServer(async (incoming, response) => {
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      chunks.push(Buffer.from(chunk));
      if (isSlow && chunks.length % 16 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    const outgoing = request({ port, host: '127.0.0.1', method: 'PUT', headers: { 'content-length': length } });
    const answered = new Promise((resolve, reject) => outgoing.once('response', resolve).once('error', reject));
    await Promise.all([body.writeTo(outgoing).then(() => outgoing.end()), answered]);
    return Buffer.concat(chunks);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

describe.each([
  ['a fast reader', false],
  ['a slow reader', true],
])('over HTTP to %s', (_name, isSlow) => {
  test.each([0, 1, 1024 * KIB - 1, 1024 * KIB, 1024 * KIB + 1, 5 * 1024 * KIB + 7, 24 * 1024 * KIB])(
    '%d bytes arrive as they are',
    async (size) => {
      const bytes = randomBytes(size);
      const received = await receivedBy(await bodyOf(bytes), size, isSlow);
      expect(sha256(received)).toBe(sha256(bytes));
    },
  );
});

test('memory goes from one upload to the next without mixing their bytes', async () => {
  const sizes = Array.from({ length: 12 }, (_, number) => (2 + (number % 4)) * 1024 * KIB + number);
  await Promise.all(
    [0, 1, 2, 3].map(async (lane) => {
      for (const size of sizes.filter((_, number) => number % 4 === lane)) {
        const bytes = randomBytes(size);
        const received = await receivedBy(await bodyOf(bytes), size, lane % 2 === 0);
        expect(sha256(received)).toBe(sha256(bytes));
      }
    }),
  );
});

test('a range begins where it says', async () => {
  const bytes = randomBytes(1000);
  const stream = await bodyOf(bytes, bytes.subarray(100), 100);
  expect((await receivedBy(stream, 900, false)).equals(bytes.subarray(100))).toBe(true);
});

describe('content that is not what was said', () => {
  async function arrived(body: VerifiedFileBody): Promise<number> {
    let count = 0;
    const sink = new Writable({
      write(chunk: Buffer, _encoding, done) {
        count += chunk.length;
        done();
      },
    });
    await expect(body.writeTo(sink)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    return count;
  }

  test.each([1, 256 * KIB, 1024 * KIB, 4700 * KIB])(
    'one changed byte of %d: the last piece never comes',
    async (size) => {
      const bytes = randomBytes(size);
      const changed = Buffer.from(bytes);
      changed[0] = (bytes[0] ?? 0) ^ 1;
      expect(await arrived(await bodyOf(changed, bytes))).toBeLessThan(size);
    },
  );

  test('a shorter file', async () => {
    const bytes = randomBytes(700 * KIB);
    expect(await arrived(await bodyOf(bytes.subarray(0, 600 * KIB), bytes))).toBeLessThan(600 * KIB);
  });

  test('nothing where something was said, and nothing under another digest', async () => {
    expect(await arrived(await bodyOf(Buffer.alloc(0), Buffer.from('x')))).toBe(0);
    const range = async () => ({ handle: await open('/dev/null'), start: 0 });
    const body = new VerifiedFileBody(range, { mediaType: 'a/b', digest: sha256('x'), size: 0 });
    expect(await arrived(body)).toBe(0);
  });

  test('a file that cannot be opened', async () => {
    const range = async () => Promise.reject(new Error('gone'));
    const body = new VerifiedFileBody(range, describeBytes('a/b', Buffer.from('x')));
    await expect(body.writeTo(new Writable({ write: (_chunk, _encoding, done) => done() }))).rejects.toThrow('gone');
  });
});

describe('a receiver that goes away', () => {
  const stalled = () => new Writable({ write: () => undefined });

  test.each<[string, (body: VerifiedFileBody, sink: Writable) => unknown]>([
    ['is closed', (_body, sink) => sink.destroy()],
    ['is stopped', (body) => body.stop()],
  ])('%s: the file is closed, and nothing waits', async (_name, end) => {
    const path = join(await scratch(), 'blob');
    const bytes = randomBytes(5 * 1024 * KIB);
    await writeFile(path, bytes);
    const handle = await open(path);
    const body = new VerifiedFileBody(async () => ({ handle, start: 0 }), describeBytes('a/b', bytes));
    const sink = stalled();
    const writing = body.writeTo(sink);
    setTimeout(() => end(body, sink), 20);
    await expect(writing).rejects.toThrow();
    expect(handle.fd).toBe(-1);
  });
});
