import { readFileSync } from 'node:fs';
import { copyFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { startRegistry } from '@paved/testkit';
import { startJob } from './scenario.js';

const TLS = resolve('packages/http/test/fixtures/tls');
const NAME = 'octo/app';
const closing: (() => unknown)[] = [];

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

/** Issues the registry's tokens over TLS, under an authority of its own: hosts on loopback themselves are spoken to without TLS. */
async function startTokenHost(issuer: () => string): Promise<string> {
  const [key, cert] = ['server.key', 'server.pem'].map((name) => readFileSync(join(TLS, name)));
  const server = createServer({ key, cert }, async (request, response) => {
    const { search } = new URL(request.url ?? '/', 'https://localhost');
    const { authorization = '' } = request.headers;
    const answer = await fetch(`${issuer()}/token${search}`, {
      headers: authorization === '' ? {} : { authorization },
    });
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function push(caFile: string | undefined) {
  let url = '';
  const host = await startTokenHost(() => url);
  const registry = await startRegistry({ auth: 'bearer', realm: `https://${host}/token` });
  url = registry.url;
  const job = await startJob();
  closing.push(registry.close, () => job.dispose());
  const { username, password } = registry.credentials;
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  const config = join(job.temp, 'config.json');
  await writeFile(config, JSON.stringify({ auths: { [registry.host]: { auth } } }));
  const authority = join(job.temp, 'ca.pem');
  if (caFile !== undefined) await copyFile(join(TLS, caFile), authority);
  const pushing = job.push({
    files: job.files,
    registry: registry.host,
    repository: NAME,
    tags: '1.0.0',
    'allow-unsigned': 'true',
    'registry-config': config,
    'token-hosts': host,
    timeout: '5s',
    ...(caFile === undefined ? {} : { 'ca-file': authority }),
  });
  return { registry, pushing };
}

test('ca-file lets in the authority of a private service', async () => {
  const { registry, pushing } = await push('ca.pem');
  await pushing;
  expect([...registry.store.repository(NAME).tags.keys()]).toEqual(['1.0.0']);
});

test.each([undefined, 'other-ca.pem'])(
  'with ca-file %s the service is not trusted, and nothing is sent',
  async (caFile) => {
    const { registry, pushing } = await push(caFile);
    await expect(pushing).rejects.toMatchObject({
      code: expect.stringMatching(/^(?:REGISTRY_UNAVAILABLE|DEADLINE_EXCEEDED)$/),
    });
    expect(registry.store.has(NAME)).toBe(false);
  },
);
