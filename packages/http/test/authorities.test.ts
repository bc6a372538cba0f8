import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { HttpClient } from '../src/index.js';

function fixture(name: string): string {
  return readFileSync(`packages/http/test/fixtures/tls/${name}`, 'utf8');
}

const [CA, OTHER_CA] = [fixture('ca.pem'), fixture('other-ca.pem')];
const defaults = getCACertificates('default');
let server: Server;
let url: string;

beforeAll(async () => {
  server = createServer({ key: fixture('server.key'), cert: fixture('server.pem') }, (_request, response) =>
    response.end('ok'),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterEach(() => setDefaultCACertificates(defaults));
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

async function get(ca?: string): Promise<string> {
  const client = new HttpClient({ retry: { attempts: 1 }, ...(ca === undefined ? {} : { ca }) });
  try {
    return await (await client.request({ method: 'GET', url })).text();
  } finally {
    client.close();
  }
}

/** The subject is the last place with this word; of a trust anchor, nobody checks the signature. */
function withOtherSubject(pem: string): string {
  const { raw } = new X509Certificate(pem);
  const at = raw.lastIndexOf('authority');
  raw[at] = (raw[at] ?? 0) ^ 1;
  return new X509Certificate(raw).toString();
}

describe('a server of an authority of its own', () => {
  test.each([
    ['its authority', () => CA],
    ['its authority among others', () => `${OTHER_CA}${CA}`],
  ])('is trusted with %s', async (_name, ca) => {
    expect(await get(ca())).toBe('ok');
  });

  test.each([
    ['nothing', () => undefined],
    ['another authority', () => OTHER_CA],
    ['its authority with one changed byte', () => withOtherSubject(CA)],
  ])('is not trusted with %s', async (_name, ca) => {
    await expect(get(ca())).rejects.toMatchObject({ code: 'HTTP_UNREACHABLE' });
  });
});

test('an authority that is given stands beside the default ones, not in their place', async () => {
  setDefaultCACertificates([CA]);
  expect(await get(OTHER_CA)).toBe('ok');
});
