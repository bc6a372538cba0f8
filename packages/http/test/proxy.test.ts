import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { Readable } from 'node:stream';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from '@jest/globals';
import { describeCauses } from '@paved/errors';
import { type ProxyDouble, type ProxyOptions, startProxy } from '@paved/testkit';
import { HttpClient, type HttpClientOptions } from '../src/index.js';

const fixture = (name: string) => readFileSync(`packages/http/test/fixtures/tls/${name}`, 'utf8');
const CA = fixture('proxied-ca.pem');
const TLS = { key: fixture('proxied.key'), cert: fixture('proxied.pem') };
const CREDENTIALS = 'ci:s3cret-of-the-proxy';
/** A process of its own runs the sources, which Node reads once it finds them. */
const FROM_SOURCE = `import { registerHooks } from 'node:module';
  registerHooks({
    resolve(name, context, next) {
      const own = /^@paved\\/([a-z-]+)$/.exec(name)?.[1];
      if (own !== undefined) return next(new URL(\`packages/\${own}/src/index.ts\`, 'file://${process.cwd()}/').href, context);
      return next(context.parentURL?.endsWith('.ts') && name.startsWith('.') ? name.replace(/js$/, 'ts') : name, context);
    },
  });`;
const defaults = getCACertificates('default');

const closing: (() => unknown)[] = [];
afterEach(async () => {
  setDefaultCACertificates(defaults);
  for (const close of closing.splice(0).reverse()) await close();
});

async function listening<T extends TcpServer>(server: T): Promise<T & { readonly port: number }> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    if ('closeAllConnections' in server) (server as unknown as Server).closeAllConnections();
    server.close();
  });
  return Object.assign(server, { port: (server.address() as AddressInfo).port });
}

type Answer = RequestListener;
const ok: Answer = (request, response) => void response.end(`ok ${request.url}`);

function drip(response: ServerResponse): void {
  const timer = setInterval(() => response.write('x'), 20);
  closing.push(() => clearInterval(timer));
}

/** A server by one protocol, and the proxy before it that alone knows the way. */
async function scene(protocol: 'http' | 'https', answer: Answer = ok, options: Partial<ProxyOptions> = {}) {
  const server = await listening(protocol === 'https' ? createSecureServer(TLS, answer) : createServer(answer));
  const seen = { connections: 0 };
  server.on('connection', () => seen.connections++);
  const port = protocol === 'https' ? 443 : 80;
  const hosts = { [`origin.example:${port}`]: server.port, [`other.example:${port}`]: server.port };
  const proxy = await startProxy({ hosts, ...options });
  closing.push(() => proxy.close());
  return { proxy, server, seen, url: `${protocol}://origin.example/path?n=1` };
}

function clientOf(proxy: ProxyDouble | string, options: HttpClientOptions = {}): HttpClient {
  const address = typeof proxy === 'string' ? proxy : proxy.url;
  const client = new HttpClient({
    retry: { attempts: 3, baseDelayMs: 1, maxDelayMs: 2 },
    ca: CA,
    proxy: { https: address, http: address },
    ...options,
  });
  closing.push(() => client.close());
  return client;
}

const withCredentials = ({ host }: ProxyDouble, credentials = CREDENTIALS) => `http://${credentials}@${host}`;

describe.each(['http', 'https'] as const)('%s through a proxy', (protocol) => {
  const kind = protocol === 'https' ? 'tunnel' : 'forward';

  test('goes to the server that the proxy knows', async () => {
    const { proxy, url } = await scene(protocol);
    const answer = await clientOf(proxy).request({ method: 'GET', url });
    expect(await answer.text()).toBe('ok /path?n=1');
    const target = protocol === 'https' ? 'origin.example:443' : 'http://origin.example/path?n=1';
    const host = protocol === 'https' ? 'origin.example:443' : 'origin.example';
    expect(proxy.requests).toMatchObject([{ kind, target, headers: { host } }]);
  });

  test('is not reached without the proxy (control)', async () => {
    const { url } = await scene(protocol);
    const lookup: HttpClientOptions['lookup'] = (_name, _options, done) => done(new Error('nobody knows it'), []);
    const asking = clientOf('', { lookup }).request({ method: 'GET', url });
    await expect(asking).rejects.toMatchObject({ code: 'HTTP_UNREACHABLE' });
  });

  test('connections are kept, one origin apart from the other', async () => {
    const { proxy, seen, url } = await scene(protocol);
    const client = clientOf(proxy);
    for (let turn = 0; turn < 4; turn++) await (await client.request({ method: 'GET', url })).text();
    expect([proxy.connections, seen.connections <= (protocol === 'https' ? 1 : 4)]).toEqual([1, true]);
    await (await client.request({ method: 'GET', url: url.replace('origin.', 'other.') })).text();
    expect(proxy.requests.filter(({ target }) => target.includes('other.example'))).toHaveLength(1);
    expect(proxy.connections).toBe(protocol === 'https' ? 2 : 1);
  });

  test('the credential of the proxy goes to the proxy alone, and that of the server to the server', async () => {
    const headers: unknown[] = [];
    const { proxy, url } = await scene(
      protocol,
      (request, response) => {
        headers.push(request.headers);
        response.end();
      },
      { credentials: CREDENTIALS },
    );
    const client = clientOf(withCredentials(proxy));
    await (await client.request({ method: 'GET', url, headers: { authorization: 'Bearer of-the-server' } })).text();
    expect(headers).toHaveLength(1);
    expect(headers).toMatchObject([{ authorization: 'Bearer of-the-server', host: 'origin.example' }]);
    expect(JSON.stringify(headers)).not.toMatch(/proxy|s3cret/i);
    if (protocol === 'https') {
      expect(JSON.stringify(proxy.requests)).not.toContain('of-the-server');
      expect(proxy.tunnelled().length).toBeGreaterThan(0);
      expect(proxy.tunnelled().includes('of-the-server')).toBe(false);
    }
  });

  test('user and password may have any character, encoded', async () => {
    const { proxy, url } = await scene(protocol, ok, { credentials: 'dömain\\user:p@ss:w/rd %' });
    const encoded = `${encodeURIComponent('dömain\\user')}:${encodeURIComponent('p@ss:w/rd %')}`;
    const answer = await clientOf(withCredentials(proxy, encoded)).request({ method: 'GET', url });
    expect(await answer.text()).toMatch('ok');
  });

  test.each([
    ['none', undefined, /^Give the proxy/],
    ['a wrong one', 'ci:wr0ng-of-the-proxy', /^Check user and password/],
  ])('a proxy that wants a credential, and gets %s, is named with the cure, once', async (_name, given, hint) => {
    const { proxy, url, seen } = await scene(protocol, ok, { credentials: CREDENTIALS });
    const client = clientOf(given === undefined ? proxy : withCredentials(proxy, given));
    const error = await client.request({ method: 'GET', url, accept: () => true }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'HTTP_PROXY_REFUSED', status: 407, hint: expect.stringMatching(hint) });
    expect(describeCauses(error)).toContain(`the proxy ${proxy.host}`);
    expect(inspected(error)).not.toMatch(/wr0ng|d3IwbmctB|Y2k6d3I/);
    expect([proxy.requests.length, seen.connections]).toEqual([1, 0]);
  });

  test('a proxy that is down is tried again, and named without its credential', async () => {
    const { proxy, url } = await scene(protocol);
    const { host } = proxy;
    await proxy.close();
    const error = await clientOf(`http://${CREDENTIALS}@${host}`)
      .request({ method: 'GET', url })
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'HTTP_UNREACHABLE', hint: expect.stringContaining('no_proxy') });
    expect(describeCauses(error)).toContain(`through the proxy ${host}`);
    expect(inspected(error)).not.toMatch(/s3cret|Y2k6czNj/);
  });

  test('one that comes back is used', async () => {
    const failures = ['close', 503] as const;
    const { proxy, url } = await scene(protocol, ok, { conduct: (_request, index) => failures[index] ?? 'serve' });
    expect(await (await clientOf(proxy).request({ method: 'GET', url })).text()).toMatch('ok');
    expect(proxy.requests).toHaveLength(3);
  });

  test('what is large goes up and down as a stream', async () => {
    const content = randomBytes(9 * 1024 * 1024 + 1);
    const digest = createHash('sha256').update(content).digest('hex');
    const { proxy, url } = await scene(protocol, (request, response) => {
      const hash = createHash('sha256');
      request.on('data', (chunk: Buffer) => hash.update(chunk));
      request.on('end', () => {
        response.setHeader('x-digest', hash.digest('hex'));
        response.end(content);
      });
    });
    const client = clientOf(proxy);
    const chunks = Array.from({ length: 10 }, (_, index) => content.subarray(index << 20, (index + 1) << 20));
    const streamed = { length: content.length, open: () => Readable.from(chunks) };
    for (const body of [content, streamed]) {
      const answer = await client.request({ method: 'PUT', url, body });
      expect(answer.header('x-digest')).toBe(digest);
      expect(
        createHash('sha256')
          .update(await answer.bytes(1 << 24))
          .digest('hex'),
      ).toBe(digest);
    }
  });

  test('a body that drips is ended as it is without a proxy', async () => {
    const { proxy, url } = await scene(protocol, (_request, response) => {
      response.writeHead(200);
      drip(response);
    });
    const answer = await clientOf(proxy).request({ method: 'GET', url, timeoutMs: 200 });
    await expect(answer.bytes()).rejects.toMatchObject({ code: 'HTTP_TIMEOUT' });
  });

  test.each(['silent', 'drip'] as const)('a %s proxy ends in time', async (conduct) => {
    const { proxy, url } = await scene(protocol, ok, { conduct: () => conduct });
    const asking = clientOf(proxy).request({ method: 'GET', url, timeoutMs: 150, attempts: 1 });
    await expect(asking).rejects.toMatchObject({ code: 'HTTP_TIMEOUT' });
  });

  test.each([
    ['speaks TLS', TLS],
    ['does not', undefined],
  ])('a process ends while a connection to a proxy that %s waits for more', async (_name, tls) => {
    const { proxy, url } = await scene(protocol, ok, tls === undefined ? {} : { tls });
    const options = { ca: CA, proxy: { https: proxy.url, http: proxy.url } };
    const program = `${FROM_SOURCE}
      const { HttpClient } = await import('@paved/http');
      const client = new HttpClient(${JSON.stringify(options)});
      process.stdout.write(await (await client.request({ method: 'GET', url: '${url}' })).text());`;
    const child = promisify(execFile)(process.execPath, ['--no-warnings', '--input-type=module', '-e', program], {
      env: { NODE_EXTRA_CA_CERTS: 'packages/http/test/fixtures/tls/proxied-ca.pem' },
      timeout: 20_000,
    });
    expect((await child).stdout).toBe('ok /path?n=1');
  });
});

/** Everything that a log could show of an error, hidden fields too. */
function inspected(error: unknown): string {
  const parts: string[] = [];
  for (let at = error; at instanceof Error; at = at.cause) {
    parts.push(describeCauses(at), at.stack ?? '', JSON.stringify(Object.entries(at)));
  }
  return parts.join('\n');
}

describe('a tunnel', () => {
  test('a server that is silent while TLS begins ends in time', async () => {
    const server = await listening(createTcpServer((socket) => void socket.on('error', () => undefined)));
    const proxy = await startProxy({ hosts: { 'origin.example:443': server.port } });
    closing.push(() => proxy.close());
    const asking = clientOf(proxy).request({
      method: 'GET',
      url: 'https://origin.example/',
      timeoutMs: 200,
      attempts: 1,
    });
    await expect(asking).rejects.toMatchObject({ code: 'HTTP_TIMEOUT' });
  });

  test('the certificate is that of the server, whoever opened the tunnel', async () => {
    const { proxy, server, url } = await scene('https');
    const elsewhere = await startProxy({
      hosts: { 'evil.example:443': server.port, 'origin.example:443': server.port },
    });
    closing.push(() => elsewhere.close());
    const asking = clientOf(elsewhere).request({ method: 'GET', url: 'https://evil.example/', attempts: 1 });
    await expect(asking).rejects.toMatchObject({
      code: 'HTTP_UNREACHABLE',
      cause: { code: 'ERR_TLS_CERT_ALTNAME_INVALID' },
    });
    const untrusting = new HttpClient({ proxy: { https: proxy.url } });
    closing.push(() => untrusting.close());
    await expect(untrusting.request({ method: 'GET', url, attempts: 1 })).rejects.toMatchObject({
      code: 'HTTP_UNREACHABLE',
    });
  });

  test('bytes before the server could speak end the tunnel', async () => {
    const { proxy, url } = await scene('https', ok, { conduct: () => 'early' });
    await expect(clientOf(proxy).request({ method: 'GET', url, attempts: 1 })).rejects.toMatchObject({
      code: 'HTTP_PROXY_REFUSED',
    });
  });

  test.each([
    [403, 1],
    [502, 3],
    [504, 3],
  ])('a refusal with %i is asked %i times', async (status, times) => {
    const { proxy, url } = await scene('https', ok, { conduct: () => status });
    const error = await clientOf(proxy)
      .request({ method: 'GET', url })
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'HTTP_PROXY_REFUSED', status, hint: expect.stringContaining('no_proxy') });
    expect(describeCauses(error)).toContain(`Cannot reach origin.example:443 through the proxy ${proxy.host}`);
    expect(proxy.requests).toHaveLength(times);
  });

  test('a 407 of the server itself is its own', async () => {
    const { proxy, url } = await scene('https', (_request, response) => void response.writeHead(407).end());
    await expect(clientOf(proxy).request({ method: 'GET', url })).rejects.toMatchObject({
      code: 'HTTP_STATUS',
      status: 407,
    });
  });

  test('one to an IPv6 address has its brackets', async () => {
    const { proxy } = await scene('https', ok, { conduct: () => 403 });
    const asking = clientOf(proxy).request({ method: 'GET', url: 'https://[2606:4700::1]/' });
    await expect(asking).rejects.toMatchObject({ code: 'HTTP_PROXY_REFUSED' });
    expect(proxy.requests).toMatchObject([{ target: '[2606:4700::1]:443' }]);
  });
});

describe.each(['http', 'https'] as const)('a proxy that speaks TLS, for %s', (protocol) => {
  test('is held to its certificate, by what the machine trusts', async () => {
    const { proxy, url } = await scene(protocol, ok, { tls: TLS, credentials: CREDENTIALS });
    const address = `https://${CREDENTIALS}@${proxy.host}`;
    await expect(clientOf(address).request({ method: 'GET', url, attempts: 1 })).rejects.toMatchObject({
      code: 'HTTP_UNREACHABLE',
    });
    expect(proxy.requests).toHaveLength(0);
    setDefaultCACertificates([...defaults, CA]);
    const client = clientOf(address);
    for (let turn = 0; turn < 3; turn++) {
      expect(await (await client.request({ method: 'GET', url })).text()).toMatch('ok');
    }
    expect(proxy.requests).toHaveLength(protocol === 'https' ? 1 : 3);
  });

  test('ends a drip within its tunnel', async () => {
    setDefaultCACertificates([...defaults, CA]);
    const { proxy, url } = await scene(
      protocol,
      (_request, response) => {
        response.writeHead(200);
        drip(response);
      },
      { tls: TLS },
    );
    const answer = await clientOf(proxy).request({ method: 'GET', url, timeoutMs: 300 });
    await expect(answer.bytes()).rejects.toMatchObject({ code: 'HTTP_TIMEOUT' });
  });
});
