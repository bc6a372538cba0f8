import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { describeError } from '@paved/errors';
import { HttpClient, isPrivateAddress, redactUrl } from '../src/index.js';

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

const SECRET = 'a-credential-of-a-test';
const servers: Server[] = [];
const client = new HttpClient({ retry: { attempts: 1 }, secretHeaders: ['x-vault-token'] });

afterEach(() => {
  for (const server of servers.splice(0)) {
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
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('other spellings of private addresses', () => {
  test.each([
    'http://localhost./',
    'http://a.localhost./',
    'http://[::127.0.0.1]/',
    'http://[::ffff:0:127.0.0.1]/',
    'http://[64:ff9b::169.254.169.254]/',
    'http://[fec0::1]/',
  ])('%s is private', (url) => {
    expect(isPrivateAddress(new URL(url).hostname)).toBe(true);
  });

  test.each(['http://[64:ff9b::8.8.8.8]/', 'http://[::ffff:8.8.8.8]/', 'http://ghcr.io./'])('%s is not', (url) => {
    expect(isPrivateAddress(new URL(url).hostname)).toBe(false);
  });
});

describe('a redirect that is no URL', () => {
  test.each(['http://[', 'http://host:99999/'])('to %s is an error of ours', async (location) => {
    const url = await serve((_request, response) => response.writeHead(302, { location }).end());
    await expect(client.request({ method: 'GET', url, redirect: 'follow' })).rejects.toMatchObject({
      code: 'HTTP_URL_INVALID',
    });
  });
});

describe('credentials in addresses', () => {
  test.each(['https://h/a?SECRET', 'https://h/a?digest=x&SECRET=', 'https://h/a?SECRET==', 'https://h/a?sig=SECRET'])(
    '%s is shown without it',
    (url) => {
      expect(redactUrl(url)).not.toContain('SECRET');
    },
  );
});

describe('an answer of refusal that repeats what was sent', () => {
  test.each(['authorization', 'x-vault-token'])('is not shown when it repeats %s', async (name) => {
    const url = await serve((request, response) => response.writeHead(400).end(`no: ${request.headers[name]}`));
    const error: unknown = await client
      .request({ method: 'GET', url, headers: { [name]: `Bearer ${SECRET}` } })
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'HTTP_STATUS', status: 400 });
    expect(describeError(error)).not.toContain(SECRET);
  });

  test.each(['token', 'refresh_token', 'client_secret'])('is not shown when it repeats %s of a form', async (name) => {
    const url = await serve((_request, response, body) => response.writeHead(400).end(`no: ${body}`));
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const body = new URLSearchParams({ [name]: SECRET }).toString();
    const error: unknown = await client
      .request({ method: 'POST', url, headers, body })
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'HTTP_STATUS', status: 400 });
    expect(describeError(error)).not.toContain(SECRET);
  });

  test('is shown when it repeats none of it', async () => {
    const url = await serve((_request, response) => response.writeHead(400).end('the name is taken'));
    const sent = client.request({ method: 'GET', url, headers: { authorization: `Bearer ${SECRET}` } });
    expect(describeError(await sent.catch((reason: unknown) => reason))).toContain('the name is taken');
  });
});
