import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { buildStatement, encodeStatement } from '@paved/attestation';
import { sha256 } from '@paved/digest';
import { describeError } from '@paved/errors';
import { HttpClient } from '@paved/http';
import {
  type KeyPolicy,
  type KeySession,
  type ManagedKey,
  openKeySession,
  parsePemKey,
  parseTrustedRoot,
  type Transparency,
  verifyBundle,
} from '../src/index.js';
import { type Loopback, startLoopbackSigstore } from './loopback.js';
import { changed, flipBase64 } from './tamper.js';

const ARTIFACT = Buffer.from('the artifact');
const DIGEST = sha256(ARTIFACT);
const STATEMENT = encodeStatement(
  buildStatement({
    predicateType: 'https://slsa.dev/provenance/v1',
    subjects: [{ name: 'widget.tar', digest: { sha256: DIGEST.slice('sha256:'.length) } }],
    predicate: {},
  }),
);
const FOLDER = join(dirname(fileURLToPath(import.meta.url)), 'fixtures/cosign-key');
const COSIGN_KEY = readFileSync(join(FOLDER, 'cosign.key'), 'utf8');
const PASSWORD = 'correct-horse';

let loopback: Loopback;
const http = new HttpClient();
beforeAll(async () => {
  loopback = await startLoopbackSigstore();
});
afterAll(async () => {
  http.close();
  await loopback.close();
});

const PEMS: Readonly<Record<string, () => string>> = {
  'ecdsa-p256-sha256': () => pem(generateKeyPairSync('ec', { namedCurve: 'P-256' })),
  'ecdsa-p384-sha384': () => pem(generateKeyPairSync('ec', { namedCurve: 'P-384' })),
  'rsa-pss-sha256': () => pem(generateKeyPairSync('rsa', { modulusLength: 2048 })),
  'rsa-pkcs1-sha256': () => pem(generateKeyPairSync('rsa', { modulusLength: 2048 })),
  ed25519: () => pem(generateKeyPairSync('ed25519')),
};

function pem({ privateKey }: { readonly privateKey: import('node:crypto').KeyObject }): string {
  return privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
}

function open(key: ManagedKey, transparency: Transparency): Promise<KeySession> {
  const { rekorUrl, tsaUrl } = loopback.sigstore;
  return openKeySession({ key, http, rekorUrl, tsaUrl, transparency });
}

function verify(bundle: string, policy: KeyPolicy, transparency: Transparency = 'off', bytes = ARTIFACT) {
  const trustedRoot = parseTrustedRoot(loopback.sigstore.trustedRoot);
  return verifyBundle({
    bundle,
    trustedRoot,
    artifactDigest: sha256(bytes),
    artifactBytes: bytes,
    policy,
    transparency,
  });
}

function refusal(code: string) {
  return expect.objectContaining({ code });
}

describe('signing with a key', () => {
  test.each(Object.keys(PEMS))('%s: both kinds verify under this key, and under no other', async (algorithm) => {
    const rsaPadding = algorithm === 'rsa-pkcs1-sha256' ? 'pkcs1' : 'pss';
    const session = await open(parsePemKey({ pem: PEMS[algorithm]?.() ?? '', rsaPadding }), 'off');
    expect(session.algorithm).toBe(algorithm);
    const other = await open(parsePemKey({ pem: PEMS[algorithm]?.() ?? '', rsaPadding }), 'off');
    const policy: KeyPolicy = { publicKey: session.publicKey, rsaPadding };
    for (const signed of [await session.signBlob(ARTIFACT), await session.signStatement(STATEMENT)]) {
      const verified = verify(signed.json, policy);
      expect(verified).toMatchObject({ transparency: 'timestamp-only', keyHint: session.keyHint });
      expect(() => verify(signed.json, { publicKey: other.publicKey, rsaPadding })).toThrow(
        refusal('SIGNATURE_INVALID'),
      );
      expect(() => verify(signed.json, policy, 'required')).toThrow(refusal('LOG_ENTRY_MISSING'));
      expect(() => verify(signed.json, policy, 'off', Buffer.from('other'))).toThrow(refusal('SUBJECT_MISMATCH'));
    }
  });

  test('RSA: the policy says the padding, not the bundle', async () => {
    const key = PEMS['rsa-pss-sha256']?.() ?? '';
    const session = await open(parsePemKey({ pem: key }), 'off');
    const { json } = await session.signBlob(ARTIFACT);
    expect(() => verify(json, { publicKey: session.publicKey, rsaPadding: 'pkcs1' })).toThrow(
      refusal('SIGNATURE_INVALID'),
    );
  });

  test('a logged signature names its key in the log', async () => {
    const session = await open(parsePemKey({ pem: PEMS['ecdsa-p256-sha256']?.() ?? '' }), 'required');
    const policy = { publicKey: session.publicKey };
    for (const { json, transparency } of [await session.signBlob(ARTIFACT), await session.signStatement(STATEMENT)]) {
      expect(transparency).toBe('logged');
      expect(verify(json, policy, 'required').transparency).toBe('logged');
      const path = ['verificationMaterial', 'tlogEntries', 0, 'canonicalizedBody'];
      expect(() =>
        verify(
          changed(json, path, (value) => flipBase64(value, 20)),
          policy,
          'required',
        ),
      ).toThrow();
    }
  });

  test('an Ed25519 key cannot be logged, and says so before it signs', async () => {
    await expect(open(parsePemKey({ pem: PEMS.ed25519?.() ?? '' }), 'required')).rejects.toMatchObject({
      code: 'KEY_UNSUPPORTED',
    });
  });

  test('a time of validity needs a verified time inside it', async () => {
    const session = await open(parsePemKey({ pem: PEMS['ecdsa-p256-sha256']?.() ?? '' }), 'off');
    const { json } = await session.signBlob(ARTIFACT);
    const { publicKey } = session;
    verify(json, { publicKey, validFrom: new Date(Date.now() - 60_000), validUntil: new Date(Date.now() + 60_000) });
    const ended = { publicKey, validUntil: new Date(Date.now() - 60_000) };
    expect(() => verify(json, ended)).toThrow(refusal('KEY_NOT_VALID_THEN'));
    const silent = changed(json, ['verificationMaterial', 'timestampVerificationData'], () => ({}));
    expect(() => verify(silent, ended)).toThrow(refusal('TIMESTAMP_MISSING'));
  });

  test('a certificate never passes as a key, nor a key as an identity', async () => {
    const certified = await (await loopback.open()).signBlob(ARTIFACT);
    const session = await open(parsePemKey({ pem: PEMS['ecdsa-p256-sha256']?.() ?? '' }), 'required');
    expect(() => verify(certified.json, { publicKey: session.publicKey })).toThrow(refusal('KEY_MISMATCH'));
    const { json } = await session.signBlob(ARTIFACT);
    const trustedRoot = parseTrustedRoot(loopback.sigstore.trustedRoot);
    const options = { bundle: json, trustedRoot, artifactDigest: DIGEST, artifactBytes: ARTIFACT };
    expect(() => verifyBundle({ ...options, policy: loopback.policy })).toThrow(refusal('CERTIFICATE_MISSING'));
  });

  test('a closed session signs nothing', async () => {
    const session = await open(parsePemKey({ pem: PEMS.ed25519?.() ?? '' }), 'off');
    session.close();
    await expect(session.signBlob(ARTIFACT)).rejects.toMatchObject({ code: 'SESSION_CLOSED' });
  });
});

describe('reading a key', () => {
  test('the file of cosign generate-key-pair opens with its password, and is the public key beside it', async () => {
    const session = await open(parsePemKey({ pem: COSIGN_KEY, password: PASSWORD }), 'off');
    expect(session.publicKey).toBe(readFileSync(join(FOLDER, 'cosign.pub'), 'utf8'));
  });

  test('encrypted PKCS #8 opens too', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const text = privateKey.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: PASSWORD });
    expect(parsePemKey({ pem: text.toString(), password: PASSWORD }).algorithm).toBe('ecdsa-p256-sha256');
    expect(() => parsePemKey({ pem: text.toString(), password: 'wrong' })).toThrow(refusal('KEY_PASSWORD'));
    expect(() => parsePemKey({ pem: text.toString() })).toThrow(refusal('KEY_PASSWORD'));
  });

  test.each<[string, string, () => unknown]>([
    ['a wrong password', 'KEY_PASSWORD', () => parsePemKey({ pem: COSIGN_KEY, password: 'battery-staple' })],
    ['no password', 'KEY_PASSWORD', () => parsePemKey({ pem: COSIGN_KEY })],
    ['no key', 'KEY_MALFORMED', () => parsePemKey({ pem: 'battery-staple' })],
    [
      'a cosign file with other contents',
      'KEY_MALFORMED',
      () => parsePemKey({ pem: COSIGN_KEY.replace(/eyJ/, 'AAA'), password: PASSWORD }),
    ],
    [
      'a curve without a name here',
      'KEY_UNSUPPORTED',
      () => parsePemKey({ pem: pem(generateKeyPairSync('ec', { namedCurve: 'secp256k1' })) }),
    ],
    [
      'a short RSA key',
      'KEY_UNSUPPORTED',
      () => parsePemKey({ pem: pem(generateKeyPairSync('rsa', { modulusLength: 1024 })) }),
    ],
  ])('%s is %s, and nothing of it is shown', (_name, code, read) => {
    let error: unknown;
    try {
      read();
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code });
    expect(describeError(error)).not.toMatch(/battery|correct|eyJ/);
  });

  test('a private key is no policy', async () => {
    const session = await open(parsePemKey({ pem: PEMS.ed25519?.() ?? '' }), 'off');
    const { json } = await session.signBlob(ARTIFACT);
    expect(() => verify(json, { publicKey: PEMS.ed25519?.() ?? '' })).toThrow(refusal('POLICY_INVALID'));
  });
});
