import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, LookupFunction } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { HttpClient, isPrivateAddress } from '../src/index.js';
import { publicLookup } from '../src/public-lookup.js';

const servers: Server[] = [];
const clients: HttpClient[] = [];

afterEach(() => {
  for (const client of clients.splice(0)) client.close();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** Counts connections, so that one without a request is seen as well. */
async function serve(handler: RequestListener = (_request, response) => void response.end('secret')) {
  const server = createServer(handler);
  const seen = { connections: 0, port: 0 };
  server.on('connection', () => seen.connections++);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  seen.port = (server.address() as AddressInfo).port;
  return seen;
}

function clientOf(lookup?: LookupFunction): HttpClient {
  const client = new HttpClient({
    retry: { attempts: 2, baseDelayMs: 1 },
    ...(lookup === undefined ? {} : { lookup }),
  });
  clients.push(client);
  return client;
}

/** Answers one list per question, the last one for good. */
function answering(...answers: readonly (readonly string[])[]) {
  const asked: string[] = [];
  const lookup: LookupFunction = (hostname, { all }, callback) => {
    const found = (answers[asked.length] ?? answers.at(-1) ?? []).map((address) => ({
      address,
      family: address.includes(':') ? 6 : 4,
    }));
    asked.push(hostname);
    if (all === true) callback(null, found);
    else callback(null, found[0]?.address ?? '', found[0]?.family);
  };
  return { lookup, asked };
}

const never = () => false;

describe('ranges', () => {
  test.each([
    '192.0.0.192',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    'ff02::1',
    '64:ff9b:1::a00:1',
    '2001::1',
    '2002:a00:1::1',
    '::10.0.0.1',
    '::ffff:169.254.169.254',
    '64:ff9b::10.0.0.1',
    'fe80::1%eth0',
    'FD00:EC2::254',
    '0:0:0:0:0:0:0:1',
  ])('%s is private, as resolvers spell it', (address) => {
    expect(isPrivateAddress(address)).toBe(true);
  });

  test.each(['198.20.0.1', '223.255.255.255', '2001:4860::1', '::ffff:8.8.8.8', '2606:4700::1', 'fd00.example'])(
    '%s is not',
    (address) => {
      expect(isPrivateAddress(address)).toBe(false);
    },
  );
});

describe('an address that somebody untrusted chose', () => {
  test.each([
    'http://169.254.169.254/latest/meta-data/',
    'https://10.1.2.3/',
    'https://172.16.0.1/',
    'https://192.168.1.1/',
    'http://localhost:PORT/',
    'http://127.1:PORT/',
    'http://2130706433:PORT/',
    'http://[::1]:PORT/',
    'http://[::ffff:127.0.0.1]:PORT/',
    'https://[fd00::1]/',
    'https://[fe80::1]/',
  ])('%s is refused before anything is sent', async (address) => {
    const seen = await serve();
    const url = address.replace('PORT', String(seen.port));
    const asking = clientOf().request({ method: 'GET', url, publicUnless: never });
    await expect(asking).rejects.toMatchObject({ code: 'HTTP_ADDRESS_REFUSED', hint: expect.any(String) });
    expect(seen.connections).toBe(0);
  });

  test('is reached when the user named its host (control)', async () => {
    const { port } = await serve();
    const url = `http://127.0.0.1:${port}/`;
    const publicUnless = (asked: URL) => asked.href === url;
    const answer = await clientOf().request({ method: 'GET', url, publicUnless });
    expect(await answer.text()).toBe('secret');
  });

  test.each([
    ['loopback', ['127.0.0.1']],
    ['one public and one private address', ['203.0.113.7', '127.0.0.1']],
    ['a mapped one', ['::ffff:127.0.0.1']],
  ])('is refused when its name stands for %s, and the message does not say which', async (_name, addresses) => {
    const seen = await serve();
    const url = `http://storage.example:${seen.port}/`;
    const client = clientOf(answering(addresses).lookup);
    await expect(client.request({ method: 'GET', url, publicUnless: never })).rejects.toMatchObject({
      code: 'HTTP_ADDRESS_REFUSED',
      message: 'Cannot connect to storage.example: it stands for a private address',
    });
    expect(seen.connections).toBe(0);
  });

  test('gets no connection that was made for a host that the user named', async () => {
    const seen = await serve();
    const client = clientOf(answering(['127.0.0.1']).lookup);
    const url = `http://storage.example:${seen.port}/`;
    await (await client.request({ method: 'GET', url })).text();
    await expect(client.request({ method: 'GET', url, publicUnless: never })).rejects.toMatchObject({
      code: 'HTTP_ADDRESS_REFUSED',
    });
    expect(seen.connections).toBe(1);
  });

  test.each([
    ['an address', (port: number) => `http://127.0.0.1:${port}/`],
    ['a name', (port: number) => `http://inner.example:${port}/`],
  ])('leads to no private place by a redirect to %s', async (_name, locationOf) => {
    const inner = await serve();
    const outer = await serve((_request, response) =>
      response.writeHead(302, { location: locationOf(inner.port) }).end(),
    );
    const client = clientOf(answering(['127.0.0.1']).lookup);
    const url = `http://outer.example:${outer.port}/`;
    const publicUnless = ({ hostname }: URL) => hostname === 'outer.example';
    await expect(client.request({ method: 'GET', url, redirect: 'follow', publicUnless })).rejects.toMatchObject({
      code: 'HTTP_ADDRESS_REFUSED',
    });
    expect([outer.connections, inner.connections]).toEqual([1, 0]);
  });
});

describe('the addresses of a name', () => {
  const resolve = (lookup: LookupFunction, all: boolean) =>
    new Promise((done) => publicLookup(lookup)('storage.example', { all }, (...answer) => done(answer)));

  test('are asked for once, and what was looked at is what is dialled: a name that changes its answer wins nothing', async () => {
    const { lookup, asked } = answering(['203.0.113.7', '203.0.113.8'], ['127.0.0.1']);
    expect(await resolve(lookup, false)).toEqual([null, '203.0.113.7', 4]);
    expect(asked).toHaveLength(1);
    const again = answering(['203.0.113.7', '2001:db8::7'], ['127.0.0.1']);
    expect(await resolve(again.lookup, true)).toEqual([
      null,
      [
        { address: '203.0.113.7', family: 4 },
        { address: '2001:db8::7', family: 6 },
      ],
    ]);
    expect(await resolve(again.lookup, true)).toMatchObject([{ code: 'HTTP_ADDRESS_REFUSED' }, []]);
  });

  test('that cannot be had are an error as before', async () => {
    const lookup: LookupFunction = (_hostname, _options, callback) => callback(new Error('no such name'), []);
    const url = 'http://storage.example:1/';
    const asking = clientOf(lookup).request({ method: 'GET', url, attempts: 1, publicUnless: never });
    await expect(asking).rejects.toMatchObject({ code: 'HTTP_UNREACHABLE' });
  });
});
