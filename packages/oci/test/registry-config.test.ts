import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { describeError } from '@paved/errors';
import { parseRegistryCredentials, parseRegistryHost, readRegistryCredentials } from '../src/index.js';
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
