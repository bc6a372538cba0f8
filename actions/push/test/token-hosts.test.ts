import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { type LoggedRequest, type RegistryDouble, startLoopback, startRegistry } from '@paved/testkit';
import { startJob } from './scenario.js';

const NAME = 'octo/app';
const closing: (() => unknown)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

const OWN = { username: 'own-user', password: 'secret-of-the-owner' };
const OTHER = { username: 'other-user', password: 'secret-of-the-other' };

/** Two registries that both send their users to one token service, which belongs to the first of them alone. */
async function twoRegistries() {
  let issuing = '';
  const issuer = await startLoopback({
    handle: async ({ url, headers: { authorization = '' } }) => {
      const { search } = new URL(url ?? '/', 'http://localhost');
      const given = authorization === '' ? {} : { authorization };
      const answer = await fetch(`${issuing}/token${search}`, { headers: given });
      const headers = { 'content-type': 'application/json' };
      return { status: answer.status, headers, body: await answer.text() };
    },
  });
  const realm = `${issuer.url}/token`;
  const own = await startRegistry({ auth: 'bearer', realm, credentials: OWN });
  const other = await startRegistry({ auth: 'bearer', realm, credentials: OTHER });
  issuing = own.url;
  const job = await startJob();
  closing.push(issuer.close, own.close, other.close, () => job.dispose());
  const config = join(job.temp, 'config.json');
  await writeFile(config, JSON.stringify({ auths: Object.fromEntries([own, other].map(entryOf)) }));
  const push = async (texts: Readonly<Record<string, string>>) =>
    await job.push({
      ...{ files: job.files, tags: '1.0.0', 'allow-unsigned': 'true', 'registry-config': config },
      ...texts,
    });
  const both = { targets: `${own.host}/${NAME}\n${other.host}/mirror/app`, 'must-succeed': 'any' };
  return { issuer, own, other, push, both, service: new URL(issuer.url).host };
}

function entryOf({ host, credentials: { username, password } }: RegistryDouble): [string, { auth: string }] {
  return [host, { auth: Buffer.from(`${username}:${password}`).toString('base64') }];
}

function passwordsIn(requests: readonly LoggedRequest[]): readonly string[] {
  const seen = requests.map(({ authorization = '' }) =>
    Buffer.from(authorization.replace(/^Basic /, ''), 'base64').toString('utf8'),
  );
  return [OWN, OTHER].map(({ password }) => password).filter((password) => seen.join(' ').includes(password));
}

describe('a token host', () => {
  test('that names no registry is refused beside two of them, and nothing is sent', async () => {
    const { issuer, own, other, push, both, service } = await twoRegistries();
    await expect(push({ ...both, 'token-hosts': service })).rejects.toMatchObject({
      code: 'TOKEN_HOST_AMBIGUOUS',
      hint: expect.stringContaining(`${own.host}=${service}`),
    });
    expect([issuer, own, other].flatMap(({ requests }) => requests)).toEqual([]);
  });

  test('of one registry sees no credentials of the other, which sends them there', async () => {
    const { issuer, own, other, push, both, service } = await twoRegistries();
    await push({ ...both, 'token-hosts': `${own.host}=${service}` });
    expect(passwordsIn(issuer.requests)).toEqual([OWN.password]);
    expect([own.store.repository(NAME).tags.size, other.store.has('mirror/app')]).toEqual([1, false]);
  });

  test('that is named for both sees both', async () => {
    const { issuer, own, other, push, both, service } = await twoRegistries();
    await push({ ...both, 'token-hosts': `${own.host}=${service}\n${other.host}=${service}` });
    expect(passwordsIn(issuer.requests)).toEqual([OWN.password, OTHER.password]);
  });

  test('without a registry is that of the only one', async () => {
    const { own, push, service } = await twoRegistries();
    await push({ registry: own.host, repository: NAME, 'token-hosts': service });
    expect(own.store.repository(NAME).tags.size).toBe(1);
  });

  test('without a registry is refused where an image is copied from another one', async () => {
    const { issuer, own, other, push, service } = await twoRegistries();
    const reference = `${other.host}/mirror/app@sha256:${'a'.repeat(64)}`;
    const copying = push({
      ...{ files: '', from: reference, registry: own.host, repository: NAME },
      'token-hosts': service,
    });
    await expect(copying).rejects.toMatchObject({ code: 'TOKEN_HOST_AMBIGUOUS' });
    expect([issuer, own, other].flatMap(({ requests }) => requests)).toEqual([]);
  });
});
