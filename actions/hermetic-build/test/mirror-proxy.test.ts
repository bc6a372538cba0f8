import { mkdtemp, rm } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { sha256 } from '@paved/digest';
import { type Loopback, startLoopback } from '@paved/testkit';
import { isListed } from '../src/fetch/host-list.js';
import { type MirrorProxy, startMirrorProxy } from '../src/patch/mirror-proxy.js';
import { mirrorText, readMirrors } from '../src/patch/patch-mirrors.js';

const REFUSED = expect.objectContaining({ code: 'IMAGE_PATCH_REFUSED' });

describe('patch-mirrors', () => {
  test.each([
    ['mirror.example', 'mirror.example', 80, true],
    ['mirror.example', 'mirror.example', 443, true],
    ['Mirror.Example.', 'mirror.example', 80, true],
    ['mirror.example', 'mirror.example', 8080, false],
    ['mirror.example:8080', 'mirror.example', 8080, true],
    ['mirror.example:8080', 'mirror.example', 80, false],
    ['mirror.example', 'xmirror.example', 80, false],
    ['mirror.example', 'mirror.example.evil.example', 80, false],
    ['example', 'mirror.example', 80, false],
    ['127.0.0.1:3142', '127.0.0.1', 3142, true],
    ['[::1]:3142', '::1', 3142, true],
  ])('%s reaches %s port %d: %s', (line, host, port, expected) => {
    const mirrors = readMirrors([line]);
    expect(isListed(mirrors, host, port)).toBe(expected);
    expect(isListed(readMirrors(mirrors.map(mirrorText)), host, port)).toBe(expected);
  });

  test.each([
    'https://mirror.example',
    'mirror.example/debian',
    '*.debian.org',
    '*',
    'mirror.example:0',
    'mirror.example:99999',
    'user@mirror.example',
    'a b',
    '-a.example',
    '2130706433',
    '0x7f.1',
    '127.1',
    '::1',
    '[mirror.example]',
    '169.254.169.254',
    '168.63.129.16',
    'metadata.google.internal',
    '[fe80::1]',
  ])('refuses %s', (line) => {
    expect(() => readMirrors([line])).toThrow(REFUSED);
  });

  test('refuses more than a person reads', () => {
    expect(() => readMirrors(Array.from({ length: 51 }, (_, n) => `m${n}.example`))).toThrow(REFUSED);
  });
});

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: IncomingMessage['headers'];
}

describe('the proxy', () => {
  let folder: string;
  let mirror: Loopback;
  let echo: Server;
  let echoPort: number;
  let proxy: MirrorProxy | undefined;
  let seen: IncomingMessage['headers'][];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'paved-mp-'));
    seen = [];
    mirror = await startLoopback({
      async handle({ headers }, { pathname }) {
        seen.push(headers);
        if (pathname === '/moved') return { status: 302, headers: { location: 'http://evil.example/x' } };
        const headersOut = { 'set-cookie': 'a=b', etag: '"1"' };
        return pathname === '/file' ? { status: 200, body: 'a file', headers: headersOut } : { status: 404 };
      },
    });
    echo = createServer((socket) => socket.on('error', () => {}).pipe(socket));
    await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
    const address = echo.address();
    echoPort = typeof address === 'object' && address !== null ? address.port : 0;
  });
  afterEach(async () => {
    await proxy?.close();
    await mirror.close();
    await new Promise((resolve) => echo.close(resolve));
    await rm(folder, { recursive: true });
  });

  async function start(mirrors: readonly string[], resolve?: (host: string) => Promise<readonly string[]>) {
    proxy = await startMirrorProxy({
      mirrors: readMirrors(mirrors),
      socket: join(folder, 's'),
      local: (message, response) => response.end(`local ${message.url}`),
      ...(resolve === undefined ? {} : { resolve }),
    });
    return proxy;
  }

  async function ask(path: string, method = 'GET', headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return await new Promise((resolve, reject) => {
      const outgoing = request({ socketPath: join(folder, 's'), path, method, headers, agent: false }, (response) => {
        let body = '';
        response.on('data', (chunk) => (body += chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }));
      });
      outgoing.on('error', reject).end();
    });
  }

  async function tunnel(target: string, text: string): Promise<string> {
    return await new Promise((resolve) => {
      const socket = connect(join(folder, 's'));
      let got = '';
      socket.on('data', (chunk) => {
        got += chunk.toString();
        if (got.endsWith('\r\n\r\n') && got.includes(' 200 ')) socket.write(text);
        else if (got.endsWith(text)) socket.end();
      });
      socket.on('error', () => {}).on('close', () => resolve(got));
      socket.write(`CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\n\r\n`);
    });
  }

  test('fetches from a mirror and keeps the digest of what came', async () => {
    const { traffic } = await start([mirror.host]);
    const { status, body, headers } = await ask(`${mirror.url}/file`);
    expect([status, body, headers.etag]).toEqual([200, 'a file', '"1"']);
    expect(headers['set-cookie']).toBeUndefined();
    expect((await ask(`${mirror.url}/nothing`)).status).toBe(404);
    // Twice is one entry.
    await ask(`${mirror.url}/file`);
    expect(traffic()).toEqual({
      reached: [mirror.host],
      downloads: [{ url: `${mirror.url}/file`, size: 6, sha256: sha256(Buffer.from('a file')) }],
      refused: [],
    });
  });

  test('sends no header that a package manager does not need, and the host of the address', async () => {
    await start([mirror.host]);
    const hostile = { cookie: 'a', authorization: 'b', 'user-agent': 'c', 'x-any': 'd', host: 'evil.example' };
    await ask(`${mirror.url}/file`, 'GET', { ...hostile, range: 'bytes=0-' });
    expect(Object.keys(seen[0] ?? {}).sort()).toEqual(['connection', 'host', 'range', 'user-agent']);
    expect(seen[0]).toMatchObject({ host: mirror.host, 'user-agent': 'paved' });
  });

  test('hands over what is for itself, and nothing else', async () => {
    await start([mirror.host]);
    expect((await ask('/v2/')).body).toBe('local /v2/');
  });

  test('does not follow where a mirror leads, and refuses it when it is asked', async () => {
    const { traffic } = await start([mirror.host]);
    const { status, headers } = await ask(`${mirror.url}/moved`);
    expect([status, headers.location]).toEqual([302, 'http://evil.example/x']);
    expect((await ask('http://evil.example/x')).status).toBe(403);
    expect(traffic().refused).toEqual([{ target: 'evil.example:80', reason: 'it is not in patch-mirrors' }]);
  });

  test.each([
    ['another host', 'http://evil.example/secret-path', 'evil.example:80', 'it is not in patch-mirrors'],
    ['a number that is an address', 'http://2130706433/', '127.0.0.1:80', 'it is not in patch-mirrors'],
    [
      'the metadata of the machine',
      'http://169.254.169.254/latest',
      '169.254.169.254:80',
      'it is not in patch-mirrors',
    ],
    ['a mirror as a user', 'http://mirror.example@evil.example/', 'evil.example:80', 'it is no plain http address'],
    ['https without a tunnel', 'https://mirror.example/', 'mirror.example:443', 'it is no plain http address'],
    ['ftp', 'ftp://mirror.example/', 'ftp://mirror.example/', 'it is no plain http address'],
    ['another port', 'http://mirror.example:22/', 'mirror.example:22', 'it is not in patch-mirrors'],
  ])('refuses %s', async (_name, url, target, reason) => {
    const { traffic } = await start(['mirror.example']);
    expect((await ask(url)).status).toBe(403);
    expect(traffic()).toEqual({ reached: [], downloads: [], refused: [{ target, reason }] });
  });

  test.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('refuses %s', async (method) => {
    const { traffic } = await start([mirror.host]);
    expect((await ask(`${mirror.url}/file`, method)).status).toBe(403);
    expect(mirror.requests).toHaveLength(0);
    expect(traffic().refused).toHaveLength(1);
  });

  test.each([
    ['loopback', ['127.0.0.1']],
    ['a private network', ['10.1.2.3']],
    ['the metadata of the machine', ['169.254.169.254']],
    ['one private address among others', ['192.0.2.1', '192.168.0.1']],
    ['loopback of IPv6', ['::1']],
    ['IPv4 inside IPv6', ['::ffff:7f00:1']],
  ])('refuses a mirror whose name stands for %s', async (_name, addresses) => {
    const { traffic } = await start([`mirror.example:${new URL(mirror.url).port}`], async () => addresses);
    const target = `mirror.example:${new URL(mirror.url).port}`;
    expect((await ask(`http://${target}/file`)).status).toBe(403);
    expect(await tunnel(target, 'x')).toMatch(/^HTTP\/1\.1 403 /);
    expect(mirror.requests).toHaveLength(0);
    expect(traffic().refused).toEqual([{ target, reason: 'it stands for a private address' }]);
  });

  test('a mirror that is down is no refusal', async () => {
    const { traffic } = await start([mirror.host, 'gone.example'], async () => []);
    expect((await ask('http://gone.example/file')).status).toBe(502);
    expect(traffic()).toEqual({ reached: [], downloads: [], refused: [] });
  });

  test('joins both ends of a tunnel to a mirror, and of no other', async () => {
    const { traffic } = await start([`127.0.0.1:${echoPort}`]);
    expect(await tunnel(`127.0.0.1:${echoPort}`, 'hello')).toMatch(/ 200 [\s\S]*hello$/);
    for (const target of [
      mirror.host,
      'evil.example:443',
      `127.0.0.1:${echoPort}@evil.example:443`,
      'localhost',
      ':443',
    ]) {
      expect(await tunnel(target, 'hello')).toMatch(/^HTTP\/1\.1 403 /);
    }
    expect(traffic().reached).toEqual([`127.0.0.1:${echoPort}`]);
    expect(traffic().refused).toHaveLength(5);
  });

  test('another protocol in the connection ends it', async () => {
    await start([mirror.host]);
    await expect(ask(`${mirror.url}/file`, 'GET', { connection: 'upgrade', upgrade: 'h2c' })).rejects.toThrow();
    expect(mirror.requests).toHaveLength(0);
  });

  test('keeps a bounded record of what it refuses, without paths', async () => {
    const { traffic } = await start([mirror.host]);
    for (let n = 0; n < 110; n++) await ask(`http://h${n}.example/token-in-path`);
    expect(traffic().refused).toHaveLength(100);
    expect(JSON.stringify(traffic())).not.toContain('token');
  });

  test('ends open tunnels when it is closed', async () => {
    const running = await start([`127.0.0.1:${echoPort}`]);
    const open = tunnel(`127.0.0.1:${echoPort}`, 'never answered\0');
    await new Promise((resolve) => setTimeout(resolve, 50));
    await running.close();
    await open;
    proxy = undefined;
  });
});
