import { createServer, type Server } from 'node:http';
import type { AddressInfo, LookupFunction } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { startProxy } from '@paved/testkit';
import { HttpClient, type HttpClientOptions, type ProxySettings, proxyCredentials } from '../src/index.js';
import { proxyFor } from '../src/proxy.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function clientOf(options: HttpClientOptions): HttpClient {
  const client = new HttpClient({ retry: { attempts: 2, baseDelayMs: 1 }, ...options });
  closing.push(() => client.close());
  return client;
}

async function serve() {
  const server: Server = createServer((_request, response) => void response.end('secret'));
  const seen = { connections: 0, port: 0 };
  server.on('connection', () => seen.connections++);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  seen.port = (server.address() as AddressInfo).port;
  return seen;
}

async function proxied(hosts: Readonly<Record<string, number>>) {
  const proxy = await startProxy({ hosts });
  closing.push(() => proxy.close());
  return proxy;
}

const answering =
  (...addresses: readonly string[]): LookupFunction =>
  (_hostname, { all }, callback) => {
    const found = addresses.map((address) => ({ address, family: 4 }));
    if (all === true) callback(null, found);
    else callback(null, found[0]?.address ?? '', 4);
  };

const PROXY = { https: 'http://proxy.example:3128', http: 'http://proxy.example:3128' };
const isDirect = (url: string, except?: string) => proxyFor(new URL(url), { ...PROXY, except }) === undefined;

describe('the exceptions', () => {
  test.each([
    ['corp.example', 'https://corp.example/'],
    ['corp.example', 'https://a.b.corp.example/'],
    ['.corp.example', 'https://a.corp.example/'],
    ['*.corp.example', 'https://a.corp.example/'],
    ['CORP.example.', 'https://Corp.Example./'],
    ['other, corp.example', 'https://corp.example/'],
    ['other corp.example', 'http://corp.example/'],
    ['corp.example:443', 'https://corp.example/'],
    ['corp.example:80', 'http://corp.example/'],
    ['corp.example:8443', 'https://corp.example:8443/'],
    ['*', 'https://anything.example/'],
    ['10.0.0.0/8', 'https://10.1.2.3/'],
    ['10.1.2.3', 'http://10.1.2.3:8080/'],
    ['10.1.2.3:8080', 'http://10.1.2.3:8080/'],
    ['fd00::/8', 'https://[fd00::1]/'],
    ['fd00:0::1', 'https://[fd00::1]/'],
    ['[fd00::1]:8443', 'https://[fd00::1]:8443/'],
    [undefined, 'http://127.0.0.1/'],
    [undefined, 'http://127.0.0.2:8080/'],
    [undefined, 'http://2130706433/'],
    [undefined, 'http://localhost/'],
    [undefined, 'http://a.localhost/'],
    [undefined, 'http://[::1]:8080/'],
  ])('%s is one for %s', (except, url) => {
    expect(isDirect(url, except)).toBe(true);
  });

  test.each([
    [undefined, 'https://corp.example/'],
    ['', 'https://corp.example/'],
    [' , ,', 'https://corp.example/'],
    ['corp.example', 'https://evilcorp.example/'],
    ['corp.example', 'https://corp.example.evil.example/'],
    ['.', 'https://corp.example/'],
    ['*.', 'https://corp.example/'],
    ['*.corp.example', 'https://xcorp.example/'],
    ['corp.example:8443', 'https://corp.example/'],
    ['corp.example:443', 'http://corp.example/'],
    ['10.0.0.0/8', 'https://11.0.0.1/'],
    ['10.0.0.0/33', 'https://10.0.0.1/'],
    ['10.0.0.0/8', 'https://10.example/'],
    ['0.0.1', 'https://10.0.0.1/'],
    ['10.1.2.3:80', 'http://10.1.2.3:8080/'],
    ['fd00::/8', 'https://[fe00::1]/'],
    ['fd00::1:8443', 'https://[fd00::1]:8443/'],
    ['127.0.0.1', 'http://localhost.example/'],
  ])('%s is none for %s', (except, url) => {
    expect(isDirect(url, except)).toBe(false);
  });

  test('what is one is reached without the proxy', async () => {
    const { port } = await serve();
    const proxy = await proxied({ [`corp.example:${port}`]: port });
    const settings = { http: proxy.url, except: 'corp.example' };
    const client = clientOf({ lookup: answering('127.0.0.1'), proxy: settings });
    expect(await (await client.request({ method: 'GET', url: `http://corp.example:${port}/` })).text()).toBe('secret');
    expect(proxy.requests).toEqual([]);
    const through = client.with({ proxy: { http: proxy.url } });
    closing.push(() => through.close());
    expect(await (await through.request({ method: 'GET', url: `http://corp.example:${port}/` })).text()).toBe('secret');
    expect(proxy.requests).toHaveLength(1);
  });
});

describe('the address of a proxy', () => {
  test.each<[string, string, number, string | undefined]>([
    ['http://proxy.example:3128', 'proxy.example', 3128, undefined],
    ['http://proxy.example/', 'proxy.example', 80, undefined],
    ['https://proxy.example', 'proxy.example', 443, undefined],
    ['proxy.example:3128', 'proxy.example', 3128, undefined],
    ['user:pass@proxy.example:3128', 'proxy.example', 3128, 'Basic dXNlcjpwYXNz'],
    ['http://user@proxy.example', 'proxy.example', 80, 'Basic dXNlcjo='],
    ['http://[fd00::1]:3128', 'fd00::1', 3128, undefined],
    [' http://10.0.0.1:3128 ', '10.0.0.1', 3128, undefined],
  ])('%s', (https, host, port, authorization) => {
    expect(proxyFor(new URL('https://a.example/'), { https })).toMatchObject({ host, port, authorization });
    expect(proxyFor(new URL('http://a.example/'), { https })).toBeUndefined();
  });

  test.each([
    'socks5://user:s3cret@proxy.example:1080',
    'http://user:s3cret@',
    'http://user:s3cret@proxy.example:99999',
    'http://user:s3/cret@proxy.example:3128',
    'http://user:12/s3cret@proxy.example:3128',
    'http://user:12?s3cret@proxy.example:3128',
    'http://user:12#s3cret@proxy.example:3128',
    'http://user:s3cret%zz@proxy.example:3128',
    'http://user:s3cret@proxy.example:3128/path',
    'http://user:s3cret@pro xy',
    'http://',
    'file:///etc/passwd',
  ])('%s is refused, quoted nowhere, and hidden', async (text) => {
    const client = clientOf({ proxy: { http: text, https: text } });
    for (const kind of ['https', 'http']) {
      const error = await client.request({ method: 'GET', url: `${kind}://a.example/` }).catch((thrown) => thrown);
      expect(error).toMatchObject({
        code: 'HTTP_PROXY_INVALID',
        hint: expect.stringContaining(`Set ${kind}_proxy to`),
      });
      expect(`${error.stack} ${error.hint} ${error.cause}`).not.toMatch(/s3|cret/);
    }
    const secrets = proxyCredentials({ http: text });
    if (text.includes('s3')) expect(secrets.join('\n')).toMatch(/s3\/?cret/);
    // An exception does not ask for it.
    const { port } = await serve();
    expect((await client.request({ method: 'GET', url: `http://127.0.0.1:${port}/` })).status).toBe(200);
  });

  test.each<[ProxySettings, readonly string[]]>([
    [{ http: 'http://proxy.example:3128' }, []],
    [{ https: 'http://u:p%40ss@proxy.example' }, ['p%40ss', 'p@ss', 'u:p@ss', 'dTpwQHNz']],
    [{ https: 'http://token@proxy.example' }, ['token', 'token', 'token:', 'dG9rZW46']],
    [{ http: 'u:a@b@proxy.example' }, ['a@b', 'a@b', 'u:a@b', 'dTphQGI=']],
    [{}, []],
  ])('%j hides %j', (settings, secrets) => {
    expect(proxyCredentials(settings)).toEqual(secrets);
  });
});

describe('an address that somebody untrusted chose, behind a proxy', () => {
  const never = () => false;

  test.each([
    'http://169.254.169.254/latest/meta-data/',
    'https://10.1.2.3/',
    'https://[fd00::1]/',
    'http://[::ffff:169.254.169.254]/',
    'http://localhost:8080/',
    'http://metadata.google.internal/',
    'http://METADATA.google.internal./',
    'http://metadata/',
    'https://printer.local/',
    'https://git.corp/',
    'https://nas.home.arpa/',
  ])('%s is refused before the proxy hears of it', async (url) => {
    const proxy = await proxied({});
    const client = clientOf({ proxy: { http: proxy.url, https: proxy.url } });
    await expect(client.request({ method: 'GET', url, publicUnless: never })).rejects.toMatchObject({
      code: 'HTTP_ADDRESS_REFUSED',
    });
    expect(proxy.connections).toBe(0);
  });

  test('is what the proxy says it is, and no name is resolved here', async () => {
    const { port } = await serve();
    const proxy = await proxied({ 'files.example:80': port });
    const asked: string[] = [];
    const lookup: LookupFunction = (hostname, _options, callback) => {
      asked.push(hostname);
      callback(new Error('asked'), []);
    };
    const client = clientOf({ lookup, proxy: { http: proxy.url } });
    const answer = await client.request({ method: 'GET', url: 'http://files.example/', publicUnless: never });
    expect([await answer.text(), asked]).toEqual(['secret', []]);
  });

  test('is looked at here where it is an exception, also on a connection that is open', async () => {
    const seen = await serve();
    const proxy = await proxied({});
    const client = clientOf({
      lookup: answering('127.0.0.1'),
      proxy: { http: proxy.url, https: proxy.url, except: 'corp.example' },
    });
    const url = `http://a.corp.example:${seen.port}/`;
    await (await client.request({ method: 'GET', url })).text();
    await expect(client.request({ method: 'GET', url, publicUnless: never })).rejects.toMatchObject({
      code: 'HTTP_ADDRESS_REFUSED',
    });
    expect([seen.connections, proxy.connections]).toEqual([1, 0]);
  });

  test('is reached where the user named it', async () => {
    const { port } = await serve();
    const proxy = await proxied({ 'git.corp:80': port });
    const client = clientOf({ proxy: { http: proxy.url } });
    const publicUnless = (url: URL) => url.hostname === 'git.corp';
    expect((await client.request({ method: 'GET', url: 'http://git.corp/', publicUnless })).status).toBe(200);
  });
});
