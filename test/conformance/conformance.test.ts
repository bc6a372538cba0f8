import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { buildStatement, encodeStatement } from '@paved/attestation';
import { sha256 } from '@paved/digest';
import { object, optional, parseJson, record, string } from '@paved/json';
import { githubClaims, type Issuer, type Sigstore, startIssuer, startSigstore } from '@paved/testkit';
import { parseCall } from './options.js';
import { signCall } from './sign.js';
import { verifyCall } from './verify.js';

const REPOSITORY = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const COPIED = join(REPOSITORY, 'test/fixtures/sigstore-bundles');
const WHOLE = join(REPOSITORY, '../shared/fixtures/sigstore-bundles');

const expectations = object({
  cases: record(
    object({
      expected: string,
      bundle: string,
      artifact: string,
      artifactSha256: optional(string),
      trustedRoot: string,
      key: optional(string),
      identity: optional(string),
      issuer: optional(string),
    }),
  ),
});
type Case = ReturnType<typeof expectations>['cases'][string];

/** The exit status of the entry point, without the process around it. */
async function status(args: readonly string[]): Promise<number> {
  try {
    const call = parseCall(args);
    await (call.command === 'verify-bundle' ? verifyCall(call) : signCall(call));
    return 0;
  } catch {
    return 1;
  }
}

function argumentsOf(folder: string, entry: Case, artifact: string): readonly string[] {
  const signer =
    entry.key === undefined
      ? ['--certificate-identity', entry.identity ?? '', '--certificate-oidc-issuer', entry.issuer ?? '']
      : ['--key', join(folder, entry.key)];
  // The embedded root is what stands in where a case has none of its own.
  const root = entry.trustedRoot === 'trusted_root.json' ? [] : ['--trusted-root', join(folder, entry.trustedRoot)];
  return ['verify-bundle', '--bundle', join(folder, entry.bundle), ...signer, ...root, artifact];
}

describe.each([
  ['copied', COPIED],
  ['whole', WHOLE],
])('sigstore-conformance through the entry point, %s set', (_name, folder) => {
  if (!existsSync(folder)) {
    test.skip('the set is not beside this repository', () => undefined);
    return;
  }
  const text = readFileSync(join(folder, 'expected.json'), 'utf8');
  const cases = Object.entries(parseJson('expected.json', text, expectations).cases);

  test.each(cases)('%s', async (_case, entry) => {
    expect(['pass', 'fail']).toContain(entry.expected);
    const artifact = join(folder, entry.artifact);
    // The suite asks each question twice: with the file, and with its digest alone.
    const digest = sha256(readFileSync(artifact));
    for (const asked of [artifact, digest]) {
      expect(await status(argumentsOf(folder, entry, asked))).toBe(entry.expected === 'pass' ? 0 : 1);
    }
    if (entry.expected !== 'pass') return;
    // Negative controls: another artifact, and where there is one, another identity.
    for (const other of [join(folder, 'expected.json'), sha256('another'), digest.slice(0, -1), `${digest}0`]) {
      expect(await status(argumentsOf(folder, entry, other))).toBe(1);
    }
    if (entry.key !== undefined) return;
    const other = { ...entry, identity: `${entry.identity ?? ''}x` };
    expect(await status(argumentsOf(folder, other, artifact))).toBe(1);
  });
});

describe('signing through the entry point', () => {
  let issuer: Issuer;
  let sigstore: Sigstore;
  const folder = mkdtempSync(join(tmpdir(), 'paved-conformance-'));
  const path = (name: string) => join(folder, name);
  beforeAll(async () => {
    issuer = await startIssuer();
    sigstore = await startSigstore({ issuer });
    const services = (url: string, majorApiVersion: number) => [
      { url, majorApiVersion, operator: 'loopback', validFor: { start: '2020-01-01T00:00:00Z' } },
    ];
    const config = {
      mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
      caUrls: services(sigstore.fulcioUrl, 1),
      rekorTlogUrls: services(sigstore.rekorUrl, 2),
      tsaUrls: services(sigstore.tsaUrl, 1),
      rekorTlogConfig: { selector: 'ANY' },
      tsaConfig: { selector: 'ANY' },
    };
    writeFileSync(path('signing-config.json'), JSON.stringify(config));
    writeFileSync(path('trusted_root.json'), sigstore.trustedRoot);
    writeFileSync(path('artifact'), 'the artifact');
    const subjects = [{ name: 'artifact', digest: { sha256: sha256(Buffer.from('the artifact')).slice(7) } }];
    const statement = buildStatement({ predicateType: 'https://example.com/p/v1', subjects, predicate: {} });
    writeFileSync(path('statement'), encodeStatement(statement));
  });
  afterAll(async () => {
    await Promise.all([sigstore.close(), issuer.close()]);
    rmSync(folder, { recursive: true, force: true });
  });

  test.each([
    ['a file', [], 'artifact'],
    ['a statement', ['--in-toto'], 'statement'],
  ])('%s: what sign-bundle writes, verify-bundle accepts', async (_name, extra, signed) => {
    const claims = githubClaims();
    const token = await issuer.sign(claims, { audience: 'sigstore' });
    const bundle = ['--bundle', path(`${signed}.sigstore.json`), '--trusted-root', path('trusted_root.json')];
    const config = ['--signing-config', path('signing-config.json')];
    expect(await status(['sign-bundle', ...extra, '--identity-token', token, ...bundle, ...config, path(signed)])).toBe(
      0,
    );
    const identity = `https://github.com/${claims.job_workflow_ref}`;
    const signer = ['--certificate-identity', identity, '--certificate-oidc-issuer', issuer.url];
    expect(await status(['verify-bundle', ...bundle, ...signer, path('artifact')])).toBe(0);
    expect(await status(['verify-bundle', ...bundle, ...signer, path('signing-config.json')])).toBe(1);
  });
});

describe('the templates of the protocol', () => {
  const identity = ['--certificate-identity', 'IDENTITY', '--certificate-oidc-issuer', 'URL'];
  const signer = { kind: 'identity', identity: 'IDENTITY', issuer: 'URL' };
  const verify = {
    command: 'verify-bundle',
    bundlePath: 'BUNDLE',
    signer,
    trustedRootPath: undefined,
    artifact: 'FILE',
  };
  const sign = {
    command: 'sign-bundle',
    ...{ bundlePath: 'BUNDLE', identityToken: 'TOKEN', inToto: false, artifact: 'FILE' },
    ...{ trustedRootPath: undefined, signingConfigPath: undefined },
  };
  // In the order of docs/cli_protocol.md of sigstore-conformance, as its client gives them.
  test.each<[readonly string[], object]>([
    [['verify-bundle', '--bundle', 'BUNDLE', ...identity, 'FILE'], verify],
    [
      ['verify-bundle', '--bundle', 'BUNDLE', ...identity, '--trusted-root', 'ROOT', 'FILE'],
      { ...verify, trustedRootPath: 'ROOT' },
    ],
    [
      ['verify-bundle', '--staging', '--bundle', 'BUNDLE', ...identity, '--trusted-root', 'ROOT', 'FILE'],
      { ...verify, trustedRootPath: 'ROOT' },
    ],
    [
      ['verify-bundle', '--bundle', 'BUNDLE', '--key', 'KEY', '--trusted-root', 'ROOT', 'FILE'],
      { ...verify, signer: { kind: 'key', path: 'KEY' }, trustedRootPath: 'ROOT' },
    ],
    [
      ['verify-bundle', '--bundle', 'BUNDLE', ...identity, `sha256:${'0'.repeat(64)}`],
      { ...verify, artifact: `sha256:${'0'.repeat(64)}` },
    ],
    [['sign-bundle', '--identity-token', 'TOKEN', '--bundle', 'BUNDLE', 'FILE'], sign],
    [
      ['sign-bundle', '--in-toto', '--identity-token', 'TOKEN', '--bundle', 'BUNDLE', 'FILE'],
      { ...sign, inToto: true },
    ],
    [
      [
        ...['sign-bundle', '--staging', '--in-toto', '--identity-token', 'TOKEN', '--bundle', 'BUNDLE'],
        ...['--trusted-root', 'ROOT', '--signing-config', 'CONFIG', 'FILE'],
      ],
      { ...sign, inToto: true, trustedRootPath: 'ROOT', signingConfigPath: 'CONFIG' },
    ],
  ])('%j', (args, call) => {
    expect(parseCall(args)).toEqual(call);
  });

  test.each([
    ['--trusted-root', ['verify-bundle', '--staging', '--bundle', 'BUNDLE', ...identity, 'FILE']],
    ['--signing-config', ['sign-bundle', '--staging', '--identity-token', 'TOKEN', '--bundle', 'BUNDLE', 'FILE']],
    [
      '--signing-config',
      ['sign-bundle', '--staging', '--identity-token', 'T', '--bundle', 'B', '--trusted-root', 'ROOT', 'FILE'],
    ],
  ])('staging without %s is refused by that name, and never the public-good instance', (flag, args) => {
    expect(() => parseCall(args)).toThrow(`--staging needs ${flag}`);
  });
});

test('a name like a digest is a path where there is such a file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'conformance-'));
  const before = process.cwd();
  try {
    const text = readFileSync(join(COPIED, 'expected.json'), 'utf8');
    const cases = Object.values(parseJson('expected.json', text, expectations).cases);
    const good = cases.find(({ expected, key }) => expected === 'pass' && key === undefined);
    if (good === undefined) throw new Error('there is no good bundle');
    const digest = sha256(readFileSync(join(COPIED, good.artifact)));
    writeFileSync(join(folder, digest), 'something else');
    expect(await status(argumentsOf(COPIED, good, digest))).toBe(0);
    process.chdir(folder);
    expect(await status(argumentsOf(COPIED, good, digest))).toBe(1);
  } finally {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  }
});

describe('a call that is not of the protocol', () => {
  test.each([
    [[]],
    [['verify', '--bundle', 'b', 'a']],
    [['verify-bundle', 'a']],
    [['verify-bundle', '--bundle', 'b', 'a']],
    [['verify-bundle', '--bundle', 'b', '--key', 'k', '--certificate-identity', 'i', 'a']],
    [['verify-bundle', '--bundle', 'b', '--key', 'k', '--staging', 'a']],
    [['sign-bundle', '--bundle', 'b', 'a']],
    [['sign-bundle', '--bundle', 'b', '--identity-token', 't', '--unknown', 'a']],
  ])('%j', (args) => {
    expect(() => parseCall(args)).toThrow();
  });
});
