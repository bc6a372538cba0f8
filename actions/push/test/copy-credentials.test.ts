import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import {
  type Fault,
  type LoggedRequest,
  type RegistryDouble,
  type RegistryOptions,
  startLoopback,
  startRegistry,
} from '@paved/testkit';
import { type Job, startJob } from './scenario.js';

const NAME = 'octo/app';
const closing: (() => unknown)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

const SOURCE = { username: 'source-user', password: 'secret-of-the-source' };
const TARGET = { username: 'target-user', password: 'secret-of-the-target' };

async function registry(options: RegistryOptions): Promise<RegistryDouble> {
  const started = await startRegistry(options);
  closing.push(started.close);
  return started;
}

async function configFor(job: Job, registries: readonly RegistryDouble[]): Promise<string> {
  const entries = registries.map(({ host, credentials: { username, password } }) => [
    host,
    { auth: Buffer.from(`${username}:${password}`).toString('base64') },
  ]);
  const path = join(job.temp, 'config.json');
  await writeFile(path, JSON.stringify({ auths: Object.fromEntries(entries) }));
  return path;
}

async function copying(sourceOptions: RegistryOptions, targetOptions: RegistryOptions) {
  const job = await startJob();
  closing.push(() => job.dispose());
  const source = await registry({ auth: 'basic', credentials: SOURCE, ...sourceOptions });
  const target = await registry({ auth: 'basic', credentials: TARGET, ...targetOptions });
  const config = await configFor(job, [source, target]);
  const unsigned = { 'allow-unsigned': 'true', 'registry-config': config, tags: '1.0.0' };
  const { reference = '' } = await job.push({ ...unsigned, files: job.files, registry: source.host, repository: NAME });
  const copy = async (more: Readonly<Record<string, string>> = {}) =>
    await job.push({ ...unsigned, from: reference, registry: target.host, repository: 'mirror/app', ...more });
  return { source, target, copy };
}

/** Secrets in any form in which a request can carry them. */
function secretsIn(requests: readonly LoggedRequest[]): readonly string[] {
  const text = requests.map(({ authorization = '', path, query }) => {
    const basic = Buffer.from(authorization.replace(/^Basic /, ''), 'base64').toString('utf8');
    return [authorization, basic, path, query].join(' ');
  });
  return [SOURCE, TARGET].map(({ password }) => password).filter((secret) => text.join(' ').includes(secret));
}

test.each(['basic', 'bearer'] as const)('with %s each side sees its own credentials alone', async (auth) => {
  const { source, target, copy } = await copying({ auth }, { auth });
  await copy();
  expect(target.store.repository('mirror/app').tags.size).toBe(1);
  expect(secretsIn(source.requests)).toEqual([SOURCE.password]);
  expect(secretsIn(target.requests)).toEqual([TARGET.password]);
});

test.each(['source', 'target'] as const)(
  'a %s that names the other as its token service gets no token there',
  async (liar) => {
    const other = await registry({ auth: 'bearer', credentials: liar === 'source' ? TARGET : SOURCE });
    let lying = false;
    const challenge: Fault = {
      kind: 'reply',
      reply: {
        status: 401,
        headers: { 'www-authenticate': `Bearer realm="http://${other.host}/token",service="x"` },
        body: '',
      },
    };
    const options: RegistryOptions = { onRequest: () => (lying ? challenge : undefined) };
    const { copy } = await copying(liar === 'source' ? options : {}, liar === 'target' ? options : {});
    lying = true;
    await expect(copy()).rejects.toMatchObject({ code: 'REGISTRY_NOT_ALLOWED' });
    expect(other.requests).toEqual([]);
  },
);

test('a source that redirects blobs into the private network is not followed, and nothing is asked there', async () => {
  const storage = await startLoopback({ handle: async () => ({ status: 200, headers: {}, body: 'x' }) });
  closing.push(storage.close);
  let redirecting = false;
  const { copy, target } = await copying(
    {
      onRequest: ({ method, path }) =>
        redirecting && method === 'GET' && path.includes('/blobs/')
          ? { kind: 'status', status: 307, headers: { location: `${storage.url}/blob` } }
          : undefined,
    },
    {},
  );
  redirecting = true;
  await expect(copy()).rejects.toMatchObject({
    code: expect.stringMatching(/^(?:REGISTRY_NOT_ALLOWED|REGISTRY_UNAVAILABLE)$/),
  });
  expect(storage.requests).toEqual([]);
  expect(target.store.repository('mirror/app').tags.size).toBe(0);
});
