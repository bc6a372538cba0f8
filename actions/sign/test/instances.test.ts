import { generateKeyPairSync } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { parseBundleIndex } from '@paved/attestation';
import { sha256 } from '@paved/digest';
import { describeError, errorChain } from '@paved/errors';
import { parseTrustedRoot, verifyBundle } from '@paved/sigstore';
import { startKms } from '@paved/testkit';
import { CYCLONEDX } from './documents.js';
import { type Instance, type Outcome, sign, startInstance, WORKFLOW, WORKFLOW_SHA } from './scenario.js';

let instance: Instance;
beforeAll(async () => {
  instance = await startInstance();
});
afterAll(async () => {
  await instance.close();
});

const FILE = 'the released file';
const FILES = { 'workspace/out/app.tar': FILE };
/** Inputs of an instance with addresses, taken away. */
const NO_ADDRESSES = { 'fulcio-url': '', 'rekor-url': '', 'tsa-url': '' };
const pem = () =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();

async function nameOf(outcome: Outcome, end: string): Promise<string> {
  return (await outcome.files()).find((name) => name.endsWith(end)) ?? `no ${end}`;
}

describe('instance key', () => {
  const inputs = { instance: 'key', 'fulcio-url': '', blobs: 'out/app.tar' };

  test('a key in PEM: the bundle verifies under the key that is written beside it, and no token is asked for', async () => {
    const outcome = await sign(instance, { files: FILES, inputs: { ...inputs, key: pem() } });
    expect(outcome.error).toBeUndefined();
    expect(outcome.tokens).toHaveLength(0);
    expect(outcome.outputs).toMatchObject({ 'certificate-identity': '', transparency: 'logged' });
    const bundle = await outcome.read('workspace/out/app.tar.sigstore.json');
    const publicKey = await outcome.read(await nameOf(outcome, 'key.pub'));
    const trustedRoot = parseTrustedRoot(instance.sigstore.trustedRoot);
    const bytes = Buffer.from(FILE);
    const options = { bundle, trustedRoot, artifactDigest: sha256(bytes), artifactBytes: bytes };
    expect(verifyBundle({ ...options, policy: { publicKey } }).transparency).toBe('logged');
  });

  test('a key that is thrown away: only its public half is left, and nobody is asked for anything', async () => {
    const extra = { 'throw-away-key': 'true', transparency: 'off', 'rekor-url': '', 'tsa-url': '' };
    const one = await sign(instance, { files: FILES, inputs: { ...inputs, ...extra } });
    const other = await sign(instance, { files: FILES, inputs: { ...inputs, ...extra } });
    expect([one.error, other.error]).toEqual([undefined, undefined]);
    expect(one.tokens).toHaveLength(0);
    const bytes = Buffer.from(FILE);
    const bundle = await one.read('workspace/out/app.tar.sigstore.json');
    const [publicKey, otherKey] = await Promise.all(
      [one, other].map(async (outcome) => outcome.read(await nameOf(outcome, 'key.pub'))),
    );
    const trustedRoot = parseTrustedRoot(instance.sigstore.trustedRoot);
    const options = { trustedRoot, artifactDigest: sha256(bytes), artifactBytes: bytes, transparency: 'off' as const };
    expect(verifyBundle({ ...options, bundle, policy: { publicKey: publicKey ?? '' } }).transparency).toBe('none');
    expect(() => verifyBundle({ ...options, bundle, policy: { publicKey: otherKey ?? '' } })).toThrow();
    for (const name of await one.files()) expect(await one.read(name)).not.toContain('PRIVATE KEY');
  });

  test.each([
    ['beside a key of yours', { key: pem() }],
    ['with an authority', { instance: 'custom' }],
  ])('a key that is thrown away %s is refused', async (_name, extra) => {
    const outcome = await sign(instance, { files: FILES, inputs: { ...inputs, 'throw-away-key': 'true', ...extra } });
    expect(outcome.error).toMatchObject({ code: 'INPUT_INVALID' });
  });

  test('a key in a service; its refusal is the error, and nothing is written', async () => {
    const kms = await startKms('vault', 'p256');
    const secrets = { 'kms-key': kms.uri, 'kms-url': kms.url, 'kms-credentials': kms.credentials };
    expect((await sign(instance, { files: FILES, inputs: { ...inputs, ...secrets } })).error).toBeUndefined();
    kms.faults.disabled = true;
    const outcome = await sign(instance, { files: FILES, inputs: { ...inputs, ...secrets } });
    expect(outcome.error).toMatchObject({ code: 'KEY_DISABLED' });
    expect((await outcome.files()).some((name) => name.endsWith('.sigstore.json'))).toBe(false);
    await kms.close();
  });

  test.each<[string, Record<string, string>]>([
    ['no key', {}],
    ['two keys', { key: 'x', 'kms-key': 'hashivault://x' }],
    ['an authority too', { key: 'x', 'fulcio-url': 'https://fulcio.example' }],
    ['another instance', { instance: 'public-good', key: 'x', ...NO_ADDRESSES }],
    ['addresses of another instance', { instance: 'public-good', 'rekor-url': 'https://rekor.example' }],
    ['half of the addresses', { instance: 'custom', 'rekor-url': 'https://rekor.example', 'tsa-url': '' }],
  ])('%s does not go together', async (_name, changes) => {
    const outcome = await sign(instance, { files: FILES, inputs: { ...inputs, ...changes } });
    expect(outcome.error).toMatchObject({ code: 'INPUT_INVALID' });
    expect(outcome.tokens).toHaveLength(0);
  });
});

describe('a signing config', () => {
  test('names the services, and Rekor v1 where that is what it has', async () => {
    const service = (url: string, majorApiVersion: number) => [
      { url, majorApiVersion, operator: 'a', validFor: { start: '2020-01-01T00:00:00Z' } },
    ];
    const config = {
      mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
      caUrls: service(instance.sigstore.fulcioUrl, 1),
      rekorTlogUrls: service(instance.sigstore.rekorV1Url, 1),
      tsaUrls: service(instance.sigstore.tsaUrl, 1),
    };
    const inputs = { ...NO_ADDRESSES, 'signing-config': JSON.stringify(config), blobs: 'out/app.tar' };
    const outcome = await sign(instance, { files: FILES, inputs });
    expect(outcome.error).toBeUndefined();
    expect(await outcome.read('workspace/out/app.tar.sigstore.json')).toContain('inclusionPromise');
  });
});

const PREDICATE = { 'predicate-path': 'p.json', 'predicate-type': 'https://example.com/p/v1' };

describe('what can be signed', () => {
  test('checksums in, SHA256SUMS out, one bundle for each subject', async () => {
    const names = ['a.tar', 'b.tar', 'c d.tar'];
    const sums = names.map((name) => `${sha256(Buffer.from(name)).slice(7)}  ${name}\r\n`).join('');
    const outcome = await sign(instance, {
      files: { 'workspace/SHA256SUMS.in': sums, 'workspace/p.json': '{}' },
      inputs: { checksums: 'SHA256SUMS.in', ...PREDICATE, 'bundle-per-subject': 'true' },
    });
    expect(outcome.error).toBeUndefined();
    const index = parseBundleIndex(await outcome.read(await nameOf(outcome, 'bundles/index.json')));
    expect(index.bundles.map(({ subjects }) => subjects.map(({ name }) => name))).toEqual(names.map((name) => [name]));
    expect(await outcome.read(await nameOf(outcome, 'bundles/SHA256SUMS'))).toBe(sums.replaceAll('\r', ''));
  });

  test.each([
    ['another line', 'hello\n'],
    ['nothing', '\n'],
    ['two digests of a name', `${'a'.repeat(64)}  x\n${'b'.repeat(64)}  x\n`],
    ['another hash', `${'a'.repeat(40)}  x\n`],
  ])('checksums with %s are refused', async (_name, text) => {
    const files = { 'workspace/sums': text, 'workspace/sbom.json': CYCLONEDX };
    const outcome = await sign(instance, { files, inputs: { checksums: 'sums', sboms: 'sbom.json' } });
    expect(outcome.error).toMatchObject({ code: 'CHECKSUMS_MALFORMED' });
  });

  test('an index with every child; a layout that lies is refused', async () => {
    const child = (name: string) => JSON.stringify({ mediaType: 'application/vnd.oci.image.manifest.v1+json', name });
    const children = ['amd64', 'arm64'].map(child);
    const manifests = children.map((text) => ({ digest: sha256(Buffer.from(text)) }));
    const root = JSON.stringify({ mediaType: 'application/vnd.oci.image.index.v1+json', manifests });
    const blob = (text: string) => `workspace/layout/blobs/sha256/${sha256(Buffer.from(text)).slice(7)}`;
    const files = Object.fromEntries([root, ...children].map((text) => [blob(text), text]));
    const digest = sha256(Buffer.from(root));
    const inputs = { 'image-name': 'ghcr.io/a/b', 'image-digest': digest, 'layout-path': 'layout' };
    const outcome = await sign(instance, { files, inputs });
    expect(outcome.error).toBeUndefined();
    const index = parseBundleIndex(await outcome.read(await nameOf(outcome, 'bundles/index.json')));
    const signed = index.bundles.flatMap(({ subjects }) => subjects.map((subject) => subject.digest));
    expect(signed).toEqual([digest, ...manifests.map((manifest) => manifest.digest)]);
    const lying = await sign(instance, { files: { ...files, [blob(children[0] ?? '')]: '{}' }, inputs });
    expect(lying.error).toMatchObject({ code: 'LAYOUT_MALFORMED' });
    expect(lying.tokens).toHaveLength(0);
  });

  test('more subjects than a statement may have: split, each named once', async () => {
    const names = Array.from({ length: 1030 }, (_, index) => `f${index}`);
    const sums = names.map((name) => `${sha256(Buffer.from(name)).slice(7)}  ${name}\n`).join('');
    const outcome = await sign(instance, {
      files: { 'workspace/sums': sums, 'workspace/p.json': '{}' },
      inputs: { checksums: 'sums', ...PREDICATE },
    });
    expect(outcome.error).toBeUndefined();
    expect(outcome.tokens).toHaveLength(1);
    const index = parseBundleIndex(await outcome.read(await nameOf(outcome, 'bundles/index.json')));
    expect(index.bundles.map(({ subjects }) => subjects.length)).toEqual([1024, 6]);
    const signed = index.bundles.flatMap(({ subjects }) => subjects.map(({ name }) => name));
    expect([...signed].sort()).toEqual([...names].sort());
  });

  test('a file by a statement that names it: a bundle beside it, and no bare signature', async () => {
    const outcome = await sign(instance, { files: FILES, inputs: { blobs: 'out/app.tar', 'blob-content': 'dsse' } });
    expect(outcome.error).toBeUndefined();
    const bundle = await outcome.read('workspace/out/app.tar.sigstore.json');
    const trustedRoot = parseTrustedRoot(instance.sigstore.trustedRoot);
    const policy = {
      issuer: instance.issuer.url,
      workflowPath: `github.com/${WORKFLOW}`,
      signerDigests: [WORKFLOW_SHA],
      repositoryId: '1001',
      ownerId: '2002',
      runnerEnvironment: 'github-hosted' as const,
    };
    const bytes = Buffer.from(FILE);
    const options = { bundle, trustedRoot, policy, predicateType: 'https://sigstore.dev/cosign/sign/v1' };
    expect(verifyBundle({ ...options, artifactDigest: sha256(bytes) }).statement?.subject).toEqual([
      { name: 'app.tar', digest: { sha256: sha256(bytes).slice(7) } },
    ]);
    expect(() => verifyBundle({ ...options, artifactDigest: sha256('other') })).toThrow(
      expect.objectContaining({ code: 'SUBJECT_MISMATCH' }),
    );
    expect((await outcome.files()).some((name) => name.endsWith('.sig'))).toBe(false);
  });

  test('legacy: the certificate lies beside the signature', async () => {
    const outcome = await sign(instance, { files: FILES, inputs: { blobs: 'out/app.tar', legacy: 'true' } });
    expect(outcome.error).toBeUndefined();
    expect(await outcome.read('workspace/out/app.tar.pem')).toMatch(/^-----BEGIN CERTIFICATE-----/);
  });
});

describe('a disk that does not take the bundles', () => {
  test('no part of any bundle stays', async () => {
    // The name is taken when it is written, as a full disk shows itself: after everything was signed.
    const files = { 'workspace/out/a.tar': 'a', 'workspace/out/b.tar': 'b', 'workspace/out/b.tar.pem': 'taken' };
    const outcome = await sign(instance, { files, inputs: { blobs: 'out/a.tar\nout/b.tar', legacy: 'true' } });
    expect(outcome.error).toMatchObject({ code: 'WRITE_FAILED' });
    const left = (await outcome.files()).filter((name) => /sigstore|\.sig$|SHA256|index\.json|paved-sign/.test(name));
    expect(left).toEqual([]);
    expect(await outcome.read('workspace/out/b.tar.pem')).toBe('taken');
  });
});

describe('slow services', () => {
  afterEach(() => {
    for (const service of ['rekor', 'tsa', 'fulcio'] as const) delete instance.sigstore.faults[service];
  });

  test.each([
    ['TSA_UNAVAILABLE', 'tsa'],
    ['FULCIO_UNAVAILABLE', 'fulcio'],
  ] as const)('%s after the time that the input gives it', async (code, service) => {
    instance.sigstore.faults[service] = { delayMs: 3000 };
    const inputs = { blobs: 'out/app.tar', [`${service}-timeout`]: '1s' };
    const outcome = await sign(instance, { files: FILES, inputs });
    expect(outcome.error).toMatchObject({ code });
    expect((await outcome.files()).some((name) => name.endsWith('.sigstore.json'))).toBe(false);
  });

  test('a log of the newer API gets its twenty seconds, whatever the input says', async () => {
    instance.sigstore.faults.rekor = { delayMs: 3000 };
    const outcome = await sign(instance, { files: FILES, inputs: { blobs: 'out/app.tar', 'rekor-timeout': '1s' } });
    expect(outcome.error).toBeUndefined();
  });
});

describe('no channel carries a token or a key', () => {
  const canary = pem();
  const body = canary.split('\n').slice(1, -2).join('');

  test.each([
    ['fulcio', { status: 503, body: (text: string) => text }],
    ['fulcio', { status: 400, body: (text: string) => text }],
    ['rekor', { status: 502, body: (text: string) => text }],
    ['tsa', { status: 500, body: (text: string) => text }],
    ['rekor', { status: 201, body: (text: string) => text }],
  ] as const)('%s that gives %j', async (service, fault) => {
    for (const extra of [{}, { instance: 'key', 'fulcio-url': '', key: canary, 'key-password': 'password-canary' }]) {
      if (service === 'fulcio' && 'key' in extra) continue;
      instance.sigstore.faults[service] = fault;
      const outcome = await sign(instance, { files: FILES, inputs: { blobs: 'out/app.tar', ...extra } });
      delete instance.sigstore.faults[service];
      expect(outcome.error).toMatchObject({ code: expect.stringMatching(/^(FULCIO|REKOR|TSA)_/) });
      const written = await Promise.all((await outcome.files()).map((name) => outcome.read(name)));
      const stacks = errorChain(outcome.error).map((link) => (link instanceof Error ? link.stack : ''));
      const shown = outcome.kit.lines.filter((line) => !line.startsWith('::add-mask::'));
      const channels = [describeError(outcome.error), ...stacks, ...shown, outcome.kit.summary(), ...written].join(
        '\n',
      );
      for (const token of outcome.tokens) expect(channels).not.toContain(token.slice(-40));
      expect(channels).not.toContain(body.slice(20, 60));
      expect(channels).not.toContain('password-canary');
      expect((await outcome.files()).some((name) => name.endsWith('.sigstore.json'))).toBe(false);
    }
  });
});

describe('an older instance', () => {
  const inputs = { blobs: 'out/app.tar', 'tsa-url': '', 'rekor-version': '1' };

  test('without timestamp authority: its required log says when', async () => {
    const older = { ...inputs, 'rekor-url': instance.sigstore.rekorV1Url };
    const outcome = await sign(instance, { files: FILES, inputs: older });
    expect(outcome.error).toBeUndefined();
    expect(outcome.outputs).toMatchObject({ transparency: 'logged' });
  });

  test.each([{ 'rekor-version': '2' }, { transparency: 'preferred' }, { transparency: 'off' }])(
    'nothing would say when with %j',
    async (changes) => {
      const outcome = await sign(instance, { files: FILES, inputs: { ...inputs, ...changes } });
      expect(outcome.error).toMatchObject({ code: 'INPUT_INVALID' });
      expect(outcome.tokens).toHaveLength(0);
    },
  );
});
