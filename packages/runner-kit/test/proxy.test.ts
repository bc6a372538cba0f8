import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { type ProxyDouble, startProxy } from '@paved/testkit';
import type { Commands } from '../src/commands.js';
import { createContext, type OwnedContext } from '../src/context.js';
import type { Environment } from '../src/environment.js';
import { baseEnvironment } from '../src/exec.js';
import { githubClient } from '../src/github.js';
import { proxySettings } from '../src/proxy-settings.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const ok: RequestListener = (_request, response) => void response.end('ok');

/** The server is known to the proxy alone. */
async function scene(credentials?: string, answer: RequestListener = ok): Promise<ProxyDouble> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const proxy = await startProxy({
    hosts: { 'origin.example:80': port },
    ...(credentials === undefined ? {} : { credentials }),
  });
  closing.push(() => {
    server.closeAllConnections();
    server.close();
    return proxy.close();
  });
  return proxy;
}

const silent: Commands = {
  write: () => undefined,
  debug: () => undefined,
  annotate: () => undefined,
  startGroup: () => undefined,
  endGroup: () => undefined,
  mask: () => undefined,
  setOutput: () => undefined,
  saveState: () => undefined,
  getState: () => '',
  idToken: async () => '',
};

function contextOf(environment: Environment): OwnedContext & { readonly masked: string[]; readonly lines: string[] } {
  const masked: string[] = [];
  const lines: string[] = [];
  const commands = {
    ...silent,
    mask: (value: string) => masked.push(value),
    write: (line: string) => lines.push(line),
  };
  const context = createContext('probe', environment, commands);
  closing.push(() => context.http.close());
  return { ...context, masked, lines };
}

const URL_BEHIND = 'http://origin.example/';

describe('the proxy of the runner', () => {
  test.each(['http_proxy', 'HTTP_PROXY'])('of %s leads the requests of an action', async (name) => {
    const proxy = await scene('ci:s3cret');
    const { http } = contextOf({ [name]: `http://ci:s3cret@${proxy.host}` });
    expect(await (await http.request({ method: 'GET', url: URL_BEHIND })).text()).toBe('ok');
    expect(proxy.requests).toHaveLength(1);
    const derived = http.with({ userAgent: 'other' });
    closing.push(() => derived.close());
    await (await derived.request({ method: 'GET', url: URL_BEHIND })).text();
    expect(proxy.requests).toHaveLength(2);
  });

  test('leads to the API of GitHub, and the answer is whole', async () => {
    const proxy = await scene('ci:s3cret', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { method, headers } = request;
        if (method === 'DELETE') return response.writeHead(204).end();
        const text = JSON.stringify({ method, body: Buffer.concat(chunks).toString(), token: headers.authorization });
        response.writeHead(201, {
          'content-type': 'application/json',
          link: '<x>; rel="next"',
          'set-cookie': ['a', 'b'],
        });
        response.end(text);
      });
    });
    const { http } = contextOf({ http_proxy: `http://ci:s3cret@${proxy.host}` });
    const client = githubClient({ apiUrl: 'http://origin.example', token: 'canary', http });
    const { data, status, headers } = await client.request('POST /x', { name: 'ü' });
    expect([status, headers.link, data]).toEqual([
      201,
      '<x>; rel="next"',
      { method: 'POST', body: '{"name":"ü"}', token: 'token canary' },
    ]);
    expect((await client.request('DELETE /x')).status).toBe(204);
    expect(proxy.requests.map(({ target }) => target)).toEqual(['http://origin.example/x', 'http://origin.example/x']);
  });

  test('that is down is named by what asks the API of GitHub', async () => {
    const proxy = await scene();
    await proxy.close();
    const { http } = contextOf({ http_proxy: `http://ci:s3cret@${proxy.host}` });
    const client = githubClient({ apiUrl: 'http://origin.example', token: 'canary', http });
    const error = await client.request('GET /x').catch((thrown: Error) => thrown);
    expect(error).toMatchObject({ cause: { code: 'HTTP_UNREACHABLE' } });
    expect(String(error)).toContain(`through the proxy ${proxy.host}`);
  });

  test('has a password that no log shows, in whatever form', async () => {
    const text = 'http://ci:p%40ss-w%C3%B6rd@proxy.example:3128';
    const { log, lines, masked } = contextOf({ https_proxy: text });
    const basic = Buffer.from('ci:p@ss-wörd').toString('base64');
    log.info(`${text} p@ss-wörd Basic ${basic}`);
    expect(lines).toEqual(['http://ci:***@proxy.example:3128 *** Basic ***']);
    expect(masked).toEqual(expect.arrayContaining(['p%40ss-w%C3%B6rd', 'p@ss-wörd', basic]));
  });

  test('that cannot be read ends the first request, not the start, and stays hidden', async () => {
    const { http, masked } = contextOf({ http_proxy: 'http://ci:12/s3cret@proxy.example:3128' });
    expect(masked).toContain('12/s3cret');
    await expect(http.request({ method: 'GET', url: URL_BEHIND })).rejects.toMatchObject({
      code: 'HTTP_PROXY_INVALID',
    });
  });

  test('that is none hides nothing (control)', () => {
    expect(contextOf({ no_proxy: 'corp.example' }).masked).toEqual([]);
    expect(contextOf({ https_proxy: 'http://proxy.example:3128' }).masked).toEqual([]);
  });

  test.each([
    [{}, undefined],
    [{ no_proxy: 'a' }, undefined],
    [{ https_proxy: '', HTTP_PROXY: '' }, undefined],
    [
      { https_proxy: 'small', HTTPS_PROXY: 'LARGE', NO_PROXY: 'a' },
      { https: 'small', http: undefined, except: 'a' },
    ],
    [
      { https_proxy: '', HTTPS_PROXY: 'LARGE', no_proxy: 'a', NO_PROXY: 'A' },
      { https: 'LARGE', http: undefined, except: 'a' },
    ],
    [{ ALL_PROXY: 'x', all_proxy: 'x' }, undefined],
  ])('%j are the settings %j', (environment, settings) => {
    expect(proxySettings(environment)).toEqual(settings);
  });

  test('is in no child that gets the base environment', () => {
    const names = ['https_proxy', 'HTTPS_PROXY', 'http_proxy', 'HTTP_PROXY', 'no_proxy', 'NO_PROXY'];
    const before = new Map(names.map((name) => [name, process.env[name]]));
    try {
      for (const name of names) process.env[name] = 'http://ci:s3cret@proxy.example:3128';
      expect(Object.keys(baseEnvironment()).filter((name) => /proxy/i.test(name))).toEqual([]);
      expect(baseEnvironment().PATH).toBeDefined();
    } finally {
      for (const [name, value] of before) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    }
  });
});
