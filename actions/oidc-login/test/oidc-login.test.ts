import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { describeError } from '@paved/errors';
import { parseRegistryHost, parseRepositoryName, RegistryClient, readRegistryCredentials } from '@paved/oci';
import type { ActionContext } from '@paved/runner-kit';
import { type TestContext, type TestContextOptions, testContext } from '@paved/runner-kit/testing';
import {
  type Fault,
  githubClaims,
  type Issuer,
  type LoggedRequest,
  startIssuer,
  startLoopback,
  startRegistry,
  startTokenService,
} from '@paved/testkit';
import { assertAudience } from '../src/audience.js';
import { cleanUp } from '../src/clean-up.js';
import { writeCredentialFile } from '../src/credential-file.js';
import { definition } from '../src/definition.js';
import { run } from '../src/run.js';
import { exchangeToken } from '../src/token-exchange.js';

const AUDIENCE = 'registry.example';
const closing: (() => unknown)[] = [];

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

async function jobWith(options: TestContextOptions = {}): Promise<TestContext> {
  const job = await testContext({ action: 'oidc-login', ...options });
  closing.push(() => job.dispose());
  return job;
}

function tokensOf(issuer: Issuer, handedOut: string[] = []) {
  return async (audience: string) => {
    const token = await issuer.sign(githubClaims(), { audience });
    handedOut.push(token);
    return token;
  };
}

test('anonymous: a file that the registry client reads, without credentials, and nobody is asked', async () => {
  const job = await jobWith();
  const inputs = await job.inputs(definition, { method: 'anonymous', registry: 'registry.example' });
  const { 'registry-config': path = '' } = await run(inputs, job.context);
  expect([await readFile(path, 'utf8'), (await stat(path)).mode & 0o777]).toEqual(['{"auths":{}}', 0o600]);
  expect(await readRegistryCredentials(path, parseRegistryHost('registry.example'))).toBeUndefined();
  await cleanUp(job.context);
});

async function world(onRequest?: (request: LoggedRequest) => Fault | undefined) {
  const issuer = await startIssuer();
  const service = await startTokenService({ issuer: issuer.url, audience: AUDIENCE, ...(onRequest && { onRequest }) });
  const registry = await startRegistry({ auth: 'bearer', tokenService: service });
  closing.push(issuer.close, service.close, registry.close);
  const handedOut: string[] = [];
  const job = await jobWith({ idToken: tokensOf(issuer, handedOut) });
  const inputs = {
    method: 'token-exchange',
    registry: registry.host,
    'token-url': service.tokenUrl,
    'revocation-url': service.revocationUrl,
    audience: AUDIENCE,
    scope: 'repository:octo/app:pull,push',
  };
  const login = async (more: Readonly<Record<string, string>> = {}, context: ActionContext = job.context) =>
    run(await job.inputs(definition, { ...inputs, ...more }), context);
  return { issuer, service, registry, job, handedOut, login };
}

describe('token exchange', () => {
  test.each([{}, { username: 'octo' }])(
    'with %j the registry accepts what the file holds, until post revokes it',
    async (more) => {
      const { service, registry, job, login } = await world();
      const outputs = await login(more);
      const path = outputs['registry-config'] ?? '';
      expect((await stat(path)).mode & 0o777).toBe(0o600);
      expect((await stat(dirname(path))).mode & 0o777).toBe(0o700);
      expect(service.issued[0]).toMatchObject({ scope: 'repository:octo/app:pull,push', revoked: false });
      const host = parseRegistryHost(registry.host);
      const client = new RegistryClient({ registry: host, credentials: await readRegistryCredentials(path, host) });
      closing.push(() => client.close());
      const repository = client.repository(parseRepositoryName('octo/app'), 'push');
      const digest = 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a';
      expect(await repository.hasBlob({ mediaType: 'a/b', digest: digest as never, size: 2 })).toBe(false);

      await cleanUp(job.context);
      expect(service.issued[0]?.revoked).toBe(true);
      await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
    },
  );

  test('no token is printed, returned or kept in the state, and each is masked', async () => {
    const { service, job, handedOut, login } = await world();
    const outputs = await login({ username: 'octo' });
    await cleanUp(job.context);
    const secrets = [...handedOut, ...service.issued.map(({ accessToken }) => accessToken)];
    expect(secrets).toHaveLength(2);
    const shown = JSON.stringify([outputs, job.lines, [...job.state], job.summary(), await job.events()]);
    for (const secret of secrets) {
      expect(shown).not.toContain(secret);
      expect(shown).not.toContain(Buffer.from(`octo:${secret}`).toString('base64'));
    }
    expect(job.masked).toContain(service.issued[0]?.accessToken);
    expect(job.masked).toContain(Buffer.from(`octo:${service.issued[0]?.accessToken}`).toString('base64'));
  });

  test.each<[string, Fault]>([
    ['a dropped connection', { kind: 'drop' }],
    ['an answer that is lost', { kind: 'drop-answer' }],
    ['half an answer', { kind: 'truncate' }],
    ['a 503', { kind: 'status', status: 503 }],
    ['a 429', { kind: 'status', status: 429 }],
  ])('%s is tried again with a fresh token', async (_name, fault) => {
    const { service, handedOut, login } = await world(({ index }) => (index === 0 ? fault : undefined));
    await login();
    expect(handedOut).toHaveLength(2);
    expect(new Set(handedOut).size).toBe(2);
    expect(service.requests).toHaveLength(2);
  });

  test('a refusal is final and names the subject that was refused', async () => {
    const { service, login, issuer } = await world();
    await expect(login({ audience: 'another.example' })).rejects.toMatchObject({
      code: 'EXCHANGE_REFUSED',
      message: expect.stringContaining(`${githubClaims().sub}`),
    });
    expect(service.requests).toHaveLength(1);
    expect(issuer.url).toContain('127.0.0.1');
  });

  test.each<[string, number, string, Record<string, string>, string]>([
    ['a redirect', 307, '', { location: 'http://127.0.0.1:1/steal' }, 'EXCHANGE_ANSWER_INVALID'],
    ['a redirect by 302', 302, '', { location: '/other' }, 'EXCHANGE_ANSWER_INVALID'],
    ['no JSON', 200, 'access_token=canary-token-1', {}, 'EXCHANGE_ANSWER_INVALID'],
    ['broken JSON', 200, '{"access_token":"canary-token-1",', {}, 'EXCHANGE_ANSWER_INVALID'],
    ['no token', 200, '{"token_type":"Bearer"}', {}, 'EXCHANGE_ANSWER_INVALID'],
    [
      'a token with a line break',
      200,
      '{"access_token":"canary\\ntoken-1","token_type":"Bearer"}',
      {},
      'EXCHANGE_ANSWER_INVALID',
    ],
    ['another type', 200, '{"access_token":"canary-token-1","token_type":"mac"}', {}, 'EXCHANGE_ANSWER_INVALID'],
    [
      'a token that has expired',
      200,
      '{"access_token":"canary-token-1","token_type":"Bearer","expires_in":0}',
      {},
      'EXCHANGE_ANSWER_INVALID',
    ],
    [
      'too much',
      200,
      `{"access_token":"canary-token-1","token_type":"Bearer","x":"${'x'.repeat(70_000)}"}`,
      {},
      'EXCHANGE_ANSWER_INVALID',
    ],
    [
      'an error that quotes',
      400,
      '{"error":"canary token 1","error_description":"canary-token-1"}',
      {},
      'EXCHANGE_REFUSED',
    ],
  ])('%s is refused, and nothing of it is quoted', async (_name, status, body, headers, code) => {
    const issuer = await startIssuer();
    const server = await startLoopback({ handle: async () => ({ status, headers, body }) });
    closing.push(issuer.close, server.close);
    const job = await jobWith({ idToken: tokensOf(issuer) });
    const inputs = {
      method: 'token-exchange',
      registry: 'ghcr.io',
      'token-url': `${server.url}/token`,
      audience: AUDIENCE,
    };
    const failure = await run(await job.inputs(definition, inputs), job.context).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ code });
    expect(describeError(failure)).not.toContain('canary');
    expect(server.requests).toHaveLength(1);
    expect([...job.state.keys()]).not.toContain('signed-in');
    expect(JSON.stringify([...job.state])).not.toContain('canary');
  });

  test('a token for another audience than the one asked for is never sent', async () => {
    const { service, issuer } = await world();
    const { context } = await jobWith();
    const exchanging = exchangeToken({
      tokenUrl: new URL(service.tokenUrl),
      audience: AUDIENCE,
      http: context.http,
      idToken: () => issuer.sign(githubClaims(), { audience: 'sigstore' }),
      mask: () => undefined,
    });
    await expect(exchanging).rejects.toMatchObject({ code: 'AUDIENCE_MISMATCH' });
    expect(service.requests).toEqual([]);
  });
});

describe('audiences', () => {
  test.each([
    'sigstore',
    'SIGSTORE',
    'sigstore.dev',
    'https://fulcio.example',
    'sig-store',
    's.i.g.s.t.o.r.e',
    'my-rekor',
    'ｓigstore',
    'cosign',
    'a b',
    '',
  ])('%j is refused, before a token exists', async (audience) => {
    expect(() => assertAudience(audience)).toThrow(expect.objectContaining({ code: 'AUDIENCE_REFUSED' }));
    if (audience === '') return;
    const { handedOut, login } = await world();
    await expect(login({ audience })).rejects.toMatchObject({ code: 'AUDIENCE_REFUSED' });
    expect(handedOut).toEqual([]);
  });

  test.each(['registry.example', 'https://registry.example/token', 'api://AzureADTokenExchange'])(
    '%j passes',
    (audience) => {
      expect(() => assertAudience(audience)).not.toThrow();
    },
  );
});

describe('token of the job', () => {
  async function login(texts: Readonly<Record<string, string>>, serverUrl = 'https://github.com') {
    const job = await jobWith({ facts: { serverUrl } });
    const inputs = { method: 'job-token', registry: 'ghcr.io', 'github-token': 'ghs_canary', ...texts };
    return { job, outputs: await run(await job.inputs(definition, inputs), job.context) };
  }

  test('the file holds it for ghcr.io, post removes the file and revokes nothing', async () => {
    const server = await startLoopback({ handle: async () => ({ status: 200 }) });
    closing.push(server.close);
    const { job, outputs } = await login({ 'revocation-url': `${server.url}/revoke` });
    const path = outputs['registry-config'] ?? '';
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({
      auths: { 'ghcr.io': { auth: Buffer.from('mona:ghs_canary').toString('base64') } },
    });
    expect(outputs['expires-at']).toBeUndefined();
    await cleanUp(job.context);
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(server.requests).toEqual([]);
  });

  test.each([
    ['evil.example', 'https://github.com'],
    ['ghcr.io.evil.example', 'https://github.com'],
    ['ghcr.io:8443', 'https://github.com'],
    ['ghcr.io', 'https://acme.ghe.com'],
    ['evilacme.ghe.com', 'https://acme.ghe.com'],
  ])('%s does not get the token of %s', async (registry, serverUrl) => {
    await expect(login({ registry }, serverUrl)).rejects.toMatchObject({ code: 'REGISTRY_NOT_OF_SERVER' });
  });

  test('the registry of an own server gets it', async () => {
    await login({ registry: 'containers.acme.ghe.com' }, 'https://acme.ghe.com');
  });

  test.each<[string, Record<string, string>]>([
    ['no token', { 'github-token': '' }],
    ['a user name with a colon', { username: 'a:b' }],
    ['no token-url for an exchange', { method: 'token-exchange' }],
  ])('%s is refused', async (_name, texts) => {
    await expect(login(texts)).rejects.toMatchObject({ code: 'LOGIN_INPUT_INVALID' });
  });

  test.each(['http://registry.example/token', 'ftp://registry.example', 'https://u:p@registry.example'])(
    'token-url %s is refused',
    async (tokenUrl) => {
      await expect(
        login({ method: 'token-exchange', audience: AUDIENCE, 'token-url': tokenUrl }),
      ).rejects.toMatchObject({
        code: 'INPUT_INVALID',
      });
    },
  );
});

describe('the order of a login', () => {
  test.each<[string, Record<string, string>, string]>([
    ['a user name with a colon', { username: 'a:b' }, 'LOGIN_INPUT_INVALID'],
    ['a user name with a line break', { username: 'a\nb' }, 'LOGIN_INPUT_INVALID'],
    ['an audience for signing', { audience: 'sigstore' }, 'AUDIENCE_REFUSED'],
    ['a registry that is none', { registry: 'https://registry.example' }, 'REFERENCE_INVALID'],
  ])('%s is refused before a token is asked for, and leaves no state', async (_name, more, code) => {
    const { service, job, handedOut, login } = await world();
    await expect(login(more)).rejects.toMatchObject({ code });
    expect([handedOut, service.issued, [...job.state]]).toEqual([[], [], []]);
  });

  test('post knows where the credentials will be before there are any', async () => {
    const { service, job, login } = await world();
    const seen: unknown[] = [];
    const { state } = job.context;
    const watched = (name: string, value: string) => {
      if (name === 'path') seen.push(service.issued.length, existsSync(value));
      state.save(name, value);
    };
    await login({}, { ...job.context, state: { ...state, save: watched, get: (name) => state.get(name) } });
    expect(seen).toEqual([0, false]);
    expect(service.issued).toHaveLength(1);
  });

  test('stopped after the file was written: post revokes and removes', async () => {
    const { service, job, login } = await world();
    const path = (await login())['registry-config'] ?? '';
    const left = Object.fromEntries([...job.state].filter(([name]) => name !== 'signed-in'));
    await cleanUp((await jobWith({ state: left })).context);
    expect(service.issued[0]?.revoked).toBe(true);
    expect(existsSync(path)).toBe(false);
  });

  test('stopped before the file was written, or refused by the service: post has nothing to do, and says nothing', async () => {
    const { job, login } = await world(({ path }) => (path === '/token' ? { kind: 'status', status: 400 } : undefined));
    await expect(login()).rejects.toMatchObject({ code: 'EXCHANGE_REFUSED' });
    expect([...job.state.keys()]).toContain('path');
    await cleanUp(job.context);
  });

  test('stopped while the file was written: post removes what is there, and says that it could not revoke', async () => {
    const { job, login } = await world();
    const path = (await login())['registry-config'] ?? '';
    await writeFile(path, '{"auths":{"regis');
    const left = Object.fromEntries([...job.state].filter(([name]) => name !== 'signed-in'));
    const { context } = await jobWith({ state: left });
    await expect(cleanUp(context)).rejects.toMatchObject({ code: 'REVOCATION_FAILED' });
    expect(existsSync(path)).toBe(false);
  });

  test('a file that cannot be written: the token is revoked at once', async () => {
    const { service, job, login } = await world();
    const taken = { ...job.context, workDir: async () => folder };
    const folder = await job.context.workDir();
    await mkdir(join(folder, 'config.json'));
    await expect(login({}, taken)).rejects.toThrow();
    expect(service.issued.map(({ revoked }) => revoked)).toEqual([true]);
  });
});

describe('post', () => {
  test('a revocation that fails is said, and the file is gone all the same', async () => {
    const { job, login } = await world(({ path }) =>
      path === '/revoke' ? { kind: 'status', status: 400 } : undefined,
    );
    const path = (await login())['registry-config'] ?? '';
    await expect(cleanUp(job.context)).rejects.toMatchObject({ code: 'REVOCATION_FAILED' });
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('a file that is gone cannot be revoked, and that is said', async () => {
    const { job, login } = await world();
    await rm((await login())['registry-config'] ?? '');
    await expect(cleanUp(job.context)).rejects.toMatchObject({ code: 'REVOCATION_FAILED' });
  });

  test('without a login there is nothing to do', async () => {
    await cleanUp((await jobWith()).context);
  });
});

test('a link or a file that waits at the path of the credentials is not written to', async () => {
  const { temp } = await jobWith();
  const victim = join(temp, 'victim');
  await writeFile(victim, 'before');
  for (const name of ['link', 'file']) {
    const folder = join(temp, name);
    await mkdir(folder);
    if (name === 'link') await symlink(victim, join(folder, 'config.json'));
    else await writeFile(join(folder, 'config.json'), 'before');
    const writing = writeCredentialFile(folder, parseRegistryHost('ghcr.io'), { kind: 'bearer', token: 'x' });
    await expect(writing).rejects.toMatchObject({ code: 'EEXIST' });
  }
  expect(await readFile(victim, 'utf8')).toBe('before');
});
