import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { describeError } from '@paved/errors';
import {
  parseRegistryCredentials,
  parseRegistryHost,
  parseRepositoryName,
  readRegistryCredentials,
} from '../src/index.js';
import { scratch } from './scratch.js';

const GHCR = parseRegistryHost('ghcr.io');
const CANARY = 'canary-5b1d';
const auth = (text: string) => Buffer.from(text).toString('base64');

test.each([
  [{ auth: auth('u:p:q') }, { kind: 'basic', username: 'u', password: 'p:q' }],
  [
    { username: 'u', password: 'p' },
    { kind: 'basic', username: 'u', password: 'p' },
  ],
  [{ registrytoken: 't' }, { kind: 'bearer', token: 't' }],
  [
    { auth: auth('u:p'), identitytoken: 't' },
    { kind: 'identity', refreshToken: 't' },
  ],
])('entry %j is %j', (entry, credentials) => {
  expect(parseRegistryCredentials(JSON.stringify({ auths: { 'ghcr.io': entry } }), GHCR)).toEqual(credentials);
});

test.each(['https://ghcr.io', 'ghcr.io/', 'ghcr.io:443', 'cr.io', 'ghcr.io.evil.example', 'GHCR.IO'])(
  'key %j is not ghcr.io',
  (name) => {
    const text = JSON.stringify({ auths: { [name]: { auth: auth('u:p') } } });
    expect(parseRegistryCredentials(text, GHCR)).toBeUndefined();
  },
);

describe('what cannot be used', () => {
  test.each([
    `{"auths": {"ghcr.io": {"auth": "${CANARY}"`,
    `"${CANARY}"`,
    JSON.stringify({ auths: { 'ghcr.io': { auth: auth(CANARY) } } }),
    JSON.stringify({ auths: { 'ghcr.io': { registrytoken: `${CANARY}\r\nx-evil: 1` } } }),
    JSON.stringify({ auths: { 'ghcr.io': { username: CANARY } } }),
    JSON.stringify({ credsStore: CANARY }),
    JSON.stringify({ credHelpers: { 'ghcr.io': CANARY } }),
  ])('%# is refused, and the error quotes nothing of it', (text) => {
    let refused: unknown;
    try {
      parseRegistryCredentials(text, GHCR);
    } catch (error) {
      refused = error;
    }
    expect(refused).toMatchObject({ code: 'REGISTRY_CONFIG_INVALID' });
    expect(describeError(refused)).not.toContain(CANARY);
  });

  test('a link and a folder are refused, a file is read', async () => {
    const folder = await scratch();
    const file = join(folder, 'config.json');
    await writeFile(file, '{"auths":{}}');
    await symlink(file, join(folder, 'link'));
    await mkdir(join(folder, 'dir'));
    expect(await readRegistryCredentials(file, GHCR)).toBeUndefined();
    for (const name of ['link', 'dir', 'missing']) {
      await expect(readRegistryCredentials(join(folder, name), GHCR)).rejects.toMatchObject({
        code: 'REGISTRY_CONFIG_INVALID',
      });
    }
  });
});

describe('keys of repositories, as podman writes them', () => {
  const auth = (name: string) => ({ auth: Buffer.from(`${name}:secret`).toString('base64') });
  const config = JSON.stringify({
    auths: {
      'ghcr.io': auth('host'),
      'ghcr.io/octo': auth('owner'),
      'ghcr.io/octo/app': auth('app'),
      'https://index.docker.io/v1/': auth('hub'),
      'https://quay.io': auth('scheme'),
    },
  });

  test.each([
    ['ghcr.io', 'octo/app', 'app'],
    ['ghcr.io', 'octo/app/part', 'app'],
    ['ghcr.io', 'octo/application', 'owner'],
    ['ghcr.io', 'octocat/app', 'host'],
    ['docker.io', 'octo/app', 'hub'],
    ['quay.io', 'octo/app', undefined],
  ])('%s/%s: %s', (host, repository, username) => {
    const found = parseRegistryCredentials(config, parseRegistryHost(host), parseRepositoryName(repository));
    expect(found).toEqual(username === undefined ? undefined : { kind: 'basic', username, password: 'secret' });
  });

  test.each([
    { credsStore: 'desktop' },
    { credsStore: 'desktop', auths: { 'ghcr.io': {} } },
    { credHelpers: { 'ghcr.io': 'x' } },
    { credHelpers: { 'ghcr.io/octo': 'x' } },
  ])('%j names a program, which is not started', (document) => {
    const parse = () =>
      parseRegistryCredentials(JSON.stringify(document), parseRegistryHost('ghcr.io'), parseRepositoryName('octo/app'));
    expect(parse).toThrow(expect.objectContaining({ code: 'REGISTRY_CONFIG_INVALID' }));
    expect(parse).toThrow(/never started/);
  });
});
