import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable, type Writable } from 'node:stream';
import { afterEach, describe, expect, test } from '@jest/globals';
import { assertPublicHost, HttpClient, isPrivateAddress, redactUrl, retryDelayMs } from '../src/index.js';

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

const open: Server[] = [];
const client = new HttpClient({ retry: { attempts: 3, baseDelayMs: 1, maxDelayMs: 5 } });

afterEach(() => {
  for (const server of open.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(handler: Handler): Promise<string> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => handler(request, response, Buffer.concat(chunks).toString()));
  });
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('retries', () => {
  test.each([500, 502, 503, 504, 429, 408])('a transient %i is tried again', async (status) => {
    let calls = 0;
    const url = await serve((_request, response) =>
      response.writeHead(++calls < 3 ? status : 200, { 'retry-after': '0' }).end('ok'),
    );
    expect(await (await client.request({ method: 'GET', url })).text()).toBe('ok');
    expect(calls).toBe(3);
  });

  test.each([400, 401, 403, 404, 409, 412])('a final %i is not', async (status) => {
    let calls = 0;
    const url = await serve((_request, response) => {
      calls++;
      response.writeHead(status).end('no');
    });
    await expect(client.request({ method: 'GET', url })).rejects.toMatchObject({ code: 'HTTP_STATUS', status });
    expect(calls).toBe(1);
  });

  test('a body that writes itself is asked again for each attempt, and breaks its request off when it fails', async () => {
    const bodies: string[] = [];
    const url = await serve((_request, response, body) => {
      bodies.push(body);
      response.writeHead(bodies.length < 2 ? 503 : 200, { 'retry-after': '0' }).end();
    });
    const writing = async (outgoing: Writable) => void outgoing.write('abc');
    await client.request({ method: 'PUT', url, body: { length: 3, writeTo: writing } });
    expect(bodies).toEqual(['abc', 'abc']);
    const failing = async (outgoing: Writable) => {
      outgoing.write('ab');
      throw new Error('gone');
    };
    const request = { method: 'PUT', url, body: { length: 3, writeTo: failing }, attempts: 1 } as const;
    await expect(client.request(request)).rejects.toMatchObject({ code: 'HTTP_UNREACHABLE' });
    expect(bodies).toHaveLength(2);
  });

  test('a POST is sent once, unless asked otherwise, and a streamed body is opened anew', async () => {
    const bodies: string[] = [];
    const url = await serve((_request, response, body) => {
      bodies.push(body);
      response.writeHead(503).end();
    });
    const body = { length: 3, open: () => Readable.from([Buffer.from('abc')]) };
    await expect(client.request({ method: 'POST', url, body })).rejects.toMatchObject({ status: 503 });
    await expect(client.request({ method: 'POST', url, body, attempts: 2 })).rejects.toMatchObject({ status: 503 });
    expect(bodies).toEqual(['abc', 'abc', 'abc']);
  });

  test('Retry-After in seconds and as a date, capped', () => {
    const policy = { attempts: 3, baseDelayMs: 100, maxDelayMs: 5000 };
    const now = Date.parse('2026-01-01T00:00:00Z');
    expect(retryDelayMs(policy, 1, '2', now)).toBe(2000);
    expect(retryDelayMs(policy, 1, '3600', now)).toBe(5000);
    expect(retryDelayMs(policy, 1, 'Thu, 01 Jan 2026 00:00:03 GMT', now)).toBe(3000);
    expect(retryDelayMs(policy, 1, 'Wed, 31 Dec 2025 00:00:00 GMT', now)).toBe(0);
    expect(retryDelayMs(policy, 3, undefined)).toBeLessThanOrEqual(400);
  });
});

describe('redirects', () => {
  async function twoHosts(): Promise<{ readonly first: string; readonly seen: (string | undefined)[] }> {
    const seen: (string | undefined)[] = [];
    // Another port is another origin; both are loopback here, so the second host is named as the first one's own.
    const second = await serve((request, response) => {
      seen.push(request.headers.authorization);
      response.end('second');
    });
    const first = await serve((_request, response) => response.writeHead(307, { location: second }).end());
    return { first, seen };
  }

  test('are refused unless asked for', async () => {
    const { first, seen } = await twoHosts();
    await expect(client.request({ method: 'GET', url: first })).rejects.toMatchObject({
      code: 'HTTP_REDIRECT_REFUSED',
    });
    expect(seen).toEqual([]);
  });

  test('to a private address of another origin are refused even then', async () => {
    const { first, seen } = await twoHosts();
    await expect(
      client.request({ method: 'GET', url: first, redirect: 'follow', headers: { authorization: 'Bearer s3cret' } }),
    ).rejects.toMatchObject({
      code: 'HTTP_ADDRESS_REFUSED',
    });
    expect(seen).toEqual([]);
  });

  test('on the same origin keep the credential, and end after five hops', async () => {
    const seen: (string | undefined)[] = [];
    const url = await serve((request, response) => {
      seen.push(request.headers.authorization);
      if (request.url === '/end') response.end('end');
      else response.writeHead(302, { location: request.url === '/loop' ? '/loop' : '/end' }).end();
    });
    const headers = { Authorization: 'Bearer s3cret' };
    expect(await (await client.request({ method: 'GET', url, redirect: 'follow', headers })).text()).toBe('end');
    expect(seen).toEqual(['Bearer s3cret', 'Bearer s3cret']);
    await expect(client.request({ method: 'GET', url: `${url}/loop`, redirect: 'follow' })).rejects.toMatchObject({
      code: 'HTTP_REDIRECT_REFUSED',
    });
  });

  test('manual returns the answer', async () => {
    const { first } = await twoHosts();
    expect((await client.request({ method: 'GET', url: first, redirect: 'manual' })).status).toBe(307);
  });
});

describe('what goes wrong has a code', () => {
  test('nobody listens', async () => {
    await expect(client.request({ method: 'GET', url: 'http://127.0.0.1:1', attempts: 1 })).rejects.toMatchObject({
      code: 'HTTP_UNREACHABLE',
    });
  });

  test('no progress', async () => {
    const url = await serve(() => {});
    await expect(client.request({ method: 'GET', url, timeoutMs: 50, attempts: 1 })).rejects.toMatchObject({
      code: 'HTTP_TIMEOUT',
    });
  });

  test('an answer above the limit, and one that breaks off', async () => {
    const url = await serve((request, response) => {
      if (request.url === '/cut') {
        response.writeHead(200, { 'content-length': '100' }).write('x');
        setImmediate(() => response.destroy());
      } else response.end('x'.repeat(100));
    });
    await expect((await client.request({ method: 'GET', url })).bytes(10)).rejects.toMatchObject({
      code: 'HTTP_BODY_TOO_LARGE',
    });
    await expect((await client.request({ method: 'GET', url: `${url}/cut` })).bytes()).rejects.toMatchObject({
      code: 'HTTP_UNREACHABLE',
    });
  });

  test.each(['ftp://example.test/', 'file:///etc/passwd', 'nothing'])('the address %s', async (url) => {
    await expect(client.request({ method: 'GET', url })).rejects.toMatchObject({ code: 'HTTP_URL_INVALID' });
  });

  test('no message carries a credential of the URL, a header or the body', async () => {
    const url = await serve((_request, response) => response.writeHead(403).end('denied'));
    const address = `${url.replace('//', '//user:s3cret@')}/x?sig=s3cret`;
    const failure = await client
      .request({ method: 'POST', url: address, body: 's3cret', headers: { authorization: 's3cret' } })
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Error);
    expect(String(failure) + JSON.stringify(failure) + String((failure as Error).cause)).not.toContain('s3cret');
  });
});

describe('addresses', () => {
  test.each([
    '127.0.0.1',
    'localhost',
    'a.localhost',
    '10.1.2.3',
    '172.31.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '168.63.129.16',
    '[::1]',
    '[fe80::1]',
    '[fd00::1]',
    '[::ffff:7f00:1]',
    '0.0.0.0',
    '100.64.0.1',
  ])('%s is private', (host) => {
    expect(isPrivateAddress(host)).toBe(true);
  });

  test.each(['ghcr.io', '8.8.8.8', '172.32.0.1', '[2001:db8::1]', 'localhost.example'])('%s is not', (host) => {
    expect(isPrivateAddress(host)).toBe(false);
  });

  test('the host that the user named may be private', () => {
    assertPublicHost(new URL('http://127.0.0.1:5000/token'), new URL('http://127.0.0.1:5000/'));
    expect(() => assertPublicHost(new URL('http://127.0.0.1:5001/token'), new URL('http://127.0.0.1:5000/'))).toThrow(
      expect.objectContaining({ code: 'HTTP_ADDRESS_REFUSED' }),
    );
  });

  test('redaction drops user info, fragment and every value that is not known to be harmless', () => {
    expect(redactUrl('https://u:p@h.example/a?sig=x&digest=sha256:1#f')).toBe(
      'https://h.example/a?sig=REDACTED&digest=sha256%3A1',
    );
    expect(redactUrl('::')).toBe('<unparsable URL>');
  });
});
