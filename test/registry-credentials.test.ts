import { chmodSync, mkdirSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';

type Write = (
  action: { inputs: { name: string }[] },
  values: Map<string, string[]>,
  folder: string,
  environment: Record<string, string | undefined>,
) => string | undefined;
const { writeRegistryConfig }: { writeRegistryConfig: Write } = await import(
  '../bin/paved/registry-config.mjs' as string
);

const PUSH = { inputs: [{ name: 'registry' }, { name: 'registry-config' }] };
const HOST = 'registry.example.test';

let folder: string;
let environment: Record<string, string | undefined>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'paved-credentials-'));
  mkdirSync(join(folder, 'docker'));
  mkdirSync(join(folder, 'out'));
  environment = { PATH: `${folder}:${process.env.PATH}`, HOME: folder, DOCKER_CONFIG: join(folder, 'docker') };
});

function config(value: unknown): void {
  writeFileSync(join(folder, 'docker/config.json'), typeof value === 'string' ? value : JSON.stringify(value));
}

/** A credential program that notes what it was asked. */
function helper(name: string, body: string): void {
  const path = join(folder, `docker-credential-${name}`);
  writeFileSync(
    path,
    `#!/bin/sh\n[ "$1" = get ] || exit 2\nread -r host; printf '%s\\n' "$host" >> ${folder}/asked\n${body}\n`,
  );
  chmodSync(path, 0o755);
}

function write(host = HOST): unknown {
  const path = writeRegistryConfig(PUSH, new Map([['registry', [host]]]), join(folder, 'out'), environment);
  if (path === undefined) return undefined;
  expect(statSync(path).mode & 0o777).toBe(0o600);
  return JSON.parse(readFileSync(path, 'utf8'));
}

const ANSWER = `printf '{"ServerURL":"x","Username":"me","Secret":"s3cret"}'`;

describe('registry sign-ins of a user', () => {
  test('come from the program of exactly this host, and from the entries that are there', () => {
    helper('one', ANSWER);
    config({ auths: { 'other.test': { auth: 'eDp5' } }, credHelpers: { [HOST]: 'one', 'third.test': 'missing' } });
    expect(write()).toEqual({
      auths: { 'other.test': { auth: 'eDp5' }, [HOST]: { auth: Buffer.from('me:s3cret').toString('base64') } },
    });
    expect(readFileSync(join(folder, 'asked'), 'utf8')).toBe(`${HOST}\n`);
  });

  test('a store answers for every host, and a refresh token is one', () => {
    helper('desktop', `printf '{"Username":"<token>","Secret":"refresh"}'`);
    config({ credsStore: 'desktop' });
    expect(write()).toEqual({ auths: { [HOST]: { identitytoken: 'refresh' } } });
  });

  test('a program that does not know the host leaves it open', () => {
    helper('one', 'echo "credentials not found in native keychain"; exit 1');
    config({ credHelpers: { [HOST]: 'one' } });
    expect(write()).toEqual({ auths: {} });
  });

  test('nothing is asked where there is no configuration, no such input, or one that was given', () => {
    expect(write()).toBeUndefined();
    config({ credsStore: 'missing' });
    const given = new Map([
      ['registry', [HOST]],
      ['registry-config', ['x']],
    ]);
    expect(writeRegistryConfig(PUSH, given, folder, environment)).toBeUndefined();
    expect(writeRegistryConfig({ inputs: [] }, new Map(), folder, environment)).toBeUndefined();
  });

  test.each([
    ['text that is not JSON', '{"auths": s3cret', 'REGISTRY_CONFIG_INVALID'],
    ['a program that is missing', { credsStore: 'missing' }, 'CREDENTIAL_PROGRAM_FAILED'],
    ['a name that is a path', { credsStore: '../../bin/sh' }, 'CREDENTIAL_PROGRAM_FAILED'],
    ['an answer that is not JSON', { credsStore: 'broken' }, 'CREDENTIAL_PROGRAM_FAILED'],
    ['an answer without a secret', { credsStore: 'empty' }, 'CREDENTIAL_PROGRAM_FAILED'],
  ])('refuses %s, without quoting it', (_what, value, code) => {
    helper('broken', 'echo s3cret');
    helper('empty', 'echo "{}"');
    config(value);
    expect(() => write()).toThrow(expect.objectContaining({ code, message: expect.not.stringContaining('s3cret') }));
  });
});
