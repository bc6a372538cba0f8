import { generateKeyPairSync, sign } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { buildStatement, encodeStatement, STATEMENT_PAYLOAD_TYPE } from '@paved/attestation';
import { sha256 } from '@paved/digest';
import { HttpClient } from '@paved/http';
import { githubClaims } from '@paved/testkit';
import { bundleToJSON } from '@sigstore/bundle';
import { DSSEBundleBuilder } from '@sigstore/sign';
import { fetchCertificate } from '../src/fulcio.js';
import {
  parseTrustedRoot,
  RekorV2Witness,
  readTokenClaims,
  TimestampWitness,
  type TrustedRoot,
  type VerifyBundleOptions,
  verifyBundle,
} from '../src/index.js';
import { CLAIMS, type Loopback, startLoopbackSigstore } from './loopback.js';
import { changed, flipBase64, valueAt } from './tamper.js';

const ARTIFACT = Buffer.from('the artifact');
const DIGEST = sha256(ARTIFACT);
const PREDICATE_TYPE = 'https://slsa.dev/provenance/v1';
const STATEMENT = statement(DIGEST);

function statement(digest: string): Buffer {
  const subjects = [{ name: 'widget.tar', digest: { sha256: digest.slice('sha256:'.length) } }];
  return encodeStatement(buildStatement({ predicateType: PREDICATE_TYPE, subjects, predicate: {} }));
}

let loopback: Loopback;
let other: Loopback;
/** One for all tests: what it remembers of earlier bundles must turn no refusal around. */
let trustedRoot: TrustedRoot;
let dsse: string;
let message: string;
let second: string;
/** Of another session, so with another key and certificate. */
let foreign: string;
beforeAll(async () => {
  [loopback, other] = await Promise.all([startLoopbackSigstore(), startLoopbackSigstore()]);
  trustedRoot = parseTrustedRoot(loopback.sigstore.trustedRoot);
  const session = await loopback.open();
  // Two entries before: a proof in a tree of one leaf has no hashes that could be wrong.
  second = (await session.signStatement(statement(sha256('another')))).json;
  message = (await session.signBlob(ARTIFACT)).json;
  dsse = (await session.signStatement(STATEMENT)).json;
  foreign = (await (await loopback.open()).signStatement(STATEMENT)).json;
});
afterAll(async () => {
  await Promise.all([loopback.close(), other.close()]);
});

function verify(bundle: string, options: Partial<VerifyBundleOptions> = {}) {
  return verifyBundle({
    bundle,
    trustedRoot,
    artifactDigest: DIGEST,
    policy: loopback.policy,
    ...options,
  });
}

function refusal(code: string) {
  return expect.objectContaining({ code });
}

const MATERIAL = 'verificationMaterial';
const ENTRY = [MATERIAL, 'tlogEntries', 0];
const PROOF = [...ENTRY, 'inclusionProof'];
const STAMPS = [MATERIAL, 'timestampVerificationData', 'rfc3161Timestamps'];
const CHECKPOINT = [...PROOF, 'checkpoint', 'envelope'];

function otherBundle(path: readonly (string | number)[]) {
  return () => valueAt(second, path);
}

describe('control', () => {
  test('both bundles verify', () => {
    expect(verify(dsse, { predicateType: PREDICATE_TYPE }).predicateType).toBe(PREDICATE_TYPE);
    expect(verify(message, { artifactBytes: ARTIFACT }).subjects).toEqual([
      { name: '', digest: { sha256: DIGEST.slice(7) } },
    ]);
  });
});

describe('a bundle that was changed', () => {
  const flip = (value: unknown) => flipBase64(value);
  test.each<[string, string, readonly (string | number)[], (value: unknown) => unknown]>([
    ['payload', 'SIGNATURE_INVALID', ['dsseEnvelope', 'payload'], flip],
    ['payload type', 'SIGNATURE_INVALID', ['dsseEnvelope', 'payloadType'], () => 'application/json'],
    ['signature', 'SIGNATURE_INVALID', ['dsseEnvelope', 'signatures', 0, 'sig'], flip],
    [
      'two signatures',
      'BUNDLE_MALFORMED',
      ['dsseEnvelope', 'signatures'],
      (value) => [...(value as []), ...(value as [])],
    ],
    ['no signature', 'BUNDLE_MALFORMED', ['dsseEnvelope', 'signatures'], () => []],
    ['log entry', 'INCLUSION_PROOF_INVALID', [...ENTRY, 'canonicalizedBody'], flip],
    ['log entry of another bundle', 'LOG_ENTRY_MISMATCH', ENTRY, otherBundle(ENTRY)],
    ['no log entry', 'LOG_ENTRY_MISSING', [MATERIAL, 'tlogEntries'], () => []],
    [
      'log entry twice',
      'LOG_ENTRY_MISMATCH',
      [MATERIAL, 'tlogEntries'],
      (value) => [...(value as []), ...(value as [])],
    ],
    ['kind of the entry', 'LOG_ENTRY_MISMATCH', [...ENTRY, 'kindVersion', 'version'], () => '0.0.1'],
    ['no inclusion proof', 'INCLUSION_PROOF_MISSING', PROOF, () => undefined],
    ['no checkpoint', 'CHECKPOINT_MISSING', [...PROOF, 'checkpoint'], () => undefined],
    ['hash of the proof', 'INCLUSION_PROOF_INVALID', [...PROOF, 'hashes', 0], flip],
    ['index of the proof', 'INCLUSION_PROOF_INVALID', [...PROOF, 'logIndex'], () => '0'],
    ['root hash of the proof', 'INCLUSION_PROOF_INVALID', [...PROOF, 'rootHash'], flip],
    ['tree size of the proof', 'INCLUSION_PROOF_INVALID', [...PROOF, 'treeSize'], () => '4'],
    ['signature of the checkpoint', 'CHECKPOINT_INVALID', CHECKPOINT, (value) => flipNote(String(value))],
    ['size in the checkpoint', 'CHECKPOINT_INVALID', CHECKPOINT, (value) => String(value).replace('\n3\n', '\n4\n')],
    [
      'checkpoint without signature',
      'CHECKPOINT_INVALID',
      CHECKPOINT,
      (value) => `${String(value).split('\n\n')[0]}\n\n`,
    ],
    ['checkpoint of an earlier tree', 'INCLUSION_PROOF_INVALID', CHECKPOINT, otherBundle(CHECKPOINT)],
    [
      'certificate of another session',
      'CERTIFICATE_MISMATCH',
      [MATERIAL, 'certificate'],
      () => valueAt(foreign, [MATERIAL, 'certificate']),
    ],
    ['no timestamp', 'TIMESTAMP_MISSING', STAMPS, () => []],
    ['timestamp', 'TIMESTAMP_INVALID', [...STAMPS, 0, 'signedTimestamp'], flip],
    ['timestamp of another bundle', 'TIMESTAMP_INVALID', STAMPS, otherBundle(STAMPS)],
    ['timestamp that is none', 'TIMESTAMP_INVALID', [...STAMPS, 0, 'signedTimestamp'], () => 'AAAA'],
    ['timestamp twice', 'TIMESTAMP_INVALID', STAMPS, (value) => [...(value as []), ...(value as [])]],
    ['certificate', 'CERTIFICATE_UNTRUSTED', [MATERIAL, 'certificate', 'rawBytes'], flip],
    ['certificate that is none', 'CERTIFICATE_MALFORMED', [MATERIAL, 'certificate', 'rawBytes'], () => 'AAAA'],
    ['chain in version 0.3', 'BUNDLE_MALFORMED', [MATERIAL], (value) => withChain(value)],
    ['media type', 'BUNDLE_MALFORMED', ['mediaType'], () => 'application/json'],
    ['negative index', 'BUNDLE_MALFORMED', [...ENTRY, 'logIndex'], () => '-1'],
    [
      'lax base64',
      'BUNDLE_MALFORMED',
      ['dsseEnvelope', 'payload'],
      (value) => `${String(value).slice(0, 8)}\n${String(value).slice(8)}`,
    ],
    ['seventeen timestamps', 'BUNDLE_MALFORMED', STAMPS, (value) => Array(17).fill((value as unknown[])[0])],
  ])('%s: %s', (_name, code, path, change) => {
    const bundle = changed(dsse, path, change);
    expect(bundle).not.toBe(dsse);
    expect(() => verify(bundle)).toThrow(refusal(code));
  });

  test.each([
    ['signature', 'SIGNATURE_INVALID', ['messageSignature', 'signature'], flip],
    ['digest', 'SUBJECT_MISMATCH', ['messageSignature', 'messageDigest', 'digest'], flip],
  ])('message %s: %s', (_name, code, path, change) => {
    expect(() => verify(changed(message, path, change), { artifactBytes: ARTIFACT })).toThrow(refusal(code));
  });

  test.each(['', '[]', '{}', 'null', '"text"', '{"mediaType":1}', '{"dsseEnvelope":{}}'])('%j is no bundle', (text) => {
    expect(() => verify(text)).toThrow(refusal('BUNDLE_MALFORMED'));
  });

  test('without a log entry, a changed payload fails on its signature', async () => {
    const session = await loopback.open({ transparency: 'off' });
    const { json } = await session.signStatement(STATEMENT);
    const bundle = changed(json, ['dsseEnvelope', 'payload'], flip);
    expect(() => verify(bundle, { transparency: 'off' })).toThrow(refusal('SIGNATURE_INVALID'));
  });
});

function flipNote(note: string): string {
  const signature = note.trimEnd().slice(note.trimEnd().lastIndexOf(' ') + 1);
  return note.replace(signature, flipBase64(signature));
}

function withChain(value: unknown): unknown {
  const { certificate, ...rest } = value as Record<string, unknown>;
  return { ...rest, x509CertificateChain: { certificates: [certificate] } };
}

describe('a trusted root of another instance', () => {
  test.each([
    ['certificateAuthorities', 'CERTIFICATE_UNTRUSTED'],
    ['ctlogs', 'SCT_INVALID'],
    ['tlogs', 'LOG_UNTRUSTED'],
    ['timestampAuthorities', 'TIMESTAMP_INVALID'],
  ])('in %s alone: %s', (part, code) => {
    const foreign = JSON.parse(other.sigstore.trustedRoot) as Record<string, unknown>;
    const root = changed(loopback.sigstore.trustedRoot, [part], () => foreign[part]);
    expect(() => verify(dsse, { trustedRoot: parseTrustedRoot(root) })).toThrow(refusal(code));
  });

  test.each([
    ['no JSON', () => '{'],
    ['an empty object', () => '{}'],
    ['no authority', (root: string) => changed(root, ['certificateAuthorities'], () => [])],
    [
      'an empty chain',
      (root: string) => changed(root, ['certificateAuthorities', 0, 'certChain', 'certificates'], () => []),
    ],
    [
      'a log that was never valid',
      (root: string) => changed(root, ['tlogs', 0, 'publicKey', 'validFor'], () => undefined),
    ],
    ['a key that is none', (root: string) => changed(root, ['tlogs', 0, 'publicKey', 'rawBytes'], () => 'AAAA')],
    ['another media type', (root: string) => changed(root, ['mediaType'], () => 'application/json')],
  ])('%s: TRUSTED_ROOT_MALFORMED', (_name, change) => {
    expect(() => parseTrustedRoot(change(loopback.sigstore.trustedRoot))).toThrow(refusal('TRUSTED_ROOT_MALFORMED'));
  });

  test('a field of null is one that is not set, also where one is needed', () => {
    const end = changed(loopback.sigstore.trustedRoot, ['certificateAuthorities', 0, 'validFor', 'end'], () => null);
    expect(verify(dsse, { trustedRoot: parseTrustedRoot(end) }).predicateType).toBe(PREDICATE_TYPE);
    const start = changed(loopback.sigstore.trustedRoot, ['tlogs', 0, 'publicKey', 'validFor', 'start'], () => null);
    expect(() => parseTrustedRoot(start)).toThrow(refusal('TRUSTED_ROOT_MALFORMED'));
  });

  test('an authority that is trusted no more', () => {
    const path = ['certificateAuthorities', 0, 'validFor', 'end'];
    const root = changed(loopback.sigstore.trustedRoot, path, () => new Date(Date.now() - 1_800_000).toISOString());
    expect(() => verify(dsse, { trustedRoot: parseTrustedRoot(root) })).toThrow(refusal('CERTIFICATE_UNTRUSTED'));
  });
});

describe('certificates', () => {
  test('without SCT', async () => {
    loopback.sigstore.embedSct = false;
    try {
      const { json } = await (await loopback.open()).signStatement(STATEMENT);
      expect(() => verify(json)).toThrow(refusal('SCT_MISSING'));
    } finally {
      loopback.sigstore.embedSct = true;
    }
  });

  test('that had ended when the timestamp was made', async () => {
    const late = await startLoopbackSigstore({ tsaClock: new Date(Date.now() + 3_600_000) });
    try {
      const { json } = await (await late.open()).signStatement(STATEMENT);
      const trustedRoot = parseTrustedRoot(late.sigstore.trustedRoot);
      expect(() => verify(json, { trustedRoot, policy: late.policy })).toThrow(refusal('CERTIFICATE_EXPIRED'));
    } finally {
      await late.close();
    }
  });

  test('are held to the time of each bundle, also when they were good for an earlier one', async () => {
    // Changed in place: the timestamp authority reads it each time.
    const clock = new Date(Date.now() + 2000);
    const aged = await startLoopbackSigstore({ tsaClock: clock });
    try {
      const root = { trustedRoot: parseTrustedRoot(aged.sigstore.trustedRoot), policy: aged.policy };
      const session = await aged.open();
      const early = (await session.signStatement(STATEMENT)).json;
      clock.setTime(clock.getTime() + 3_600_000);
      const late = (await session.signStatement(STATEMENT)).json;
      const certificate = [MATERIAL, 'certificate', 'rawBytes'];
      expect(valueAt(late, certificate)).toBe(valueAt(early, certificate));
      expect(verify(early, root).transparency).toBe('logged');
      expect(() => verify(late, root)).toThrow(refusal('CERTIFICATE_EXPIRED'));
      expect(verify(early, root).transparency).toBe('logged');
    } finally {
      await aged.close();
    }
  });

  test('of another authority are not taken for known ones', () => {
    const foreignRoot = parseTrustedRoot(other.sigstore.trustedRoot);
    expect(verify(dsse).transparency).toBe('logged');
    expect(() => verify(dsse, { trustedRoot: foreignRoot })).toThrow(refusal('CERTIFICATE_UNTRUSTED'));
    expect(verify(dsse).transparency).toBe('logged');
  });

  test('other than the one in the log, although the key is the same', async () => {
    const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const http = new HttpClient();
    const certify = async () => {
      const token = await loopback.issuer.sign(githubClaims(CLAIMS), { audience: 'sigstore' });
      const claims = readTokenClaims(token, 'sigstore');
      return await fetchCertificate({
        http,
        fulcioUrl: loopback.sigstore.fulcioUrl,
        timeoutMs: 5000,
        token,
        claims,
        ...keys,
      });
    };
    const [logged, shown] = [await certify(), await certify()];
    const { rekorUrl, tsaUrl } = loopback.sigstore;
    const log = new RekorV2Witness({ http, rekorUrl, timeoutMs: 5000 });
    const build = async ({ pem }: { readonly pem: string }) => {
      const builder = new DSSEBundleBuilder({
        signer: {
          sign: async (data) => ({
            signature: sign('sha256', data, keys.privateKey),
            key: { $case: 'x509Certificate', certificate: pem },
          }),
        },
        witnesses: [
          { testify: (content) => log.testify(content, logged.pem) },
          new TimestampWitness({ http, tsaUrl, timeoutMs: 5000 }),
        ],
      });
      const bundle = await builder.create({ data: STATEMENT, type: STATEMENT_PAYLOAD_TYPE });
      return JSON.stringify(bundleToJSON(bundle));
    };
    expect(verify(await build(logged)).transparency).toBe('logged');
    const mixed = await build(shown);
    http.close();
    expect(() => verify(mixed)).toThrow(refusal('CERTIFICATE_MISMATCH'));
  });
});

describe('the artifact', () => {
  const another = Buffer.from('another artifact');
  test.each<[string, string, () => string, Partial<VerifyBundleOptions>]>([
    ['statement about another digest', 'SUBJECT_MISMATCH', () => dsse, { artifactDigest: sha256(another) }],
    ['statement, other bytes, right digest', 'ARTIFACT_DIGEST_MISMATCH', () => dsse, { artifactBytes: another }],
    [
      'statement, other bytes and digest',
      'SUBJECT_MISMATCH',
      () => dsse,
      { artifactBytes: another, artifactDigest: sha256(another) },
    ],
    ['message without bytes', 'ARTIFACT_BYTES_MISSING', () => message, {}],
    [
      'message, other bytes',
      'SUBJECT_MISMATCH',
      () => message,
      { artifactBytes: another, artifactDigest: sha256(another) },
    ],
    ['another predicate type', 'PREDICATE_TYPE_MISMATCH', () => dsse, { predicateType: 'https://cyclonedx.org/bom' }],
    [
      'predicate type of a message',
      'PREDICATE_TYPE_MISMATCH',
      () => message,
      { artifactBytes: ARTIFACT, predicateType: PREDICATE_TYPE },
    ],
  ])('%s: %s', (_name, code, bundle, options) => {
    expect(() => verify(bundle(), options)).toThrow(refusal(code));
  });

  test('a statement of version 0.1, as cosign signs it, is held to the same', async () => {
    const v01 = (text: string) => JSON.stringify({ ...JSON.parse(text), _type: 'https://in-toto.io/Statement/v0.1' });
    const session = await loopback.open();
    const sign = async (text: string) => (await session.signStatement(Buffer.from(v01(text)))).json;
    const bundle = await sign(STATEMENT.toString());
    expect(verify(bundle, { predicateType: PREDICATE_TYPE }).subjects[0]?.name).toBe('widget.tar');
    expect(() => verify(bundle, { artifactDigest: sha256(another) })).toThrow(refusal('SUBJECT_MISMATCH'));
    expect(() => verify(bundle, { predicateType: 'x' })).toThrow(refusal('PREDICATE_TYPE_MISMATCH'));
    const empty = JSON.stringify({ ...JSON.parse(STATEMENT.toString()), subject: [] });
    expect(await sign(empty).then((json) => () => verify(json))).toThrow(refusal('SUBJECT_EMPTY'));
  });

  test.each([
    [
      'no subject',
      'SUBJECT_EMPTY',
      { _type: 'https://in-toto.io/Statement/v1', subject: [], predicateType: 'x', predicate: {} },
    ],
    [
      'another type',
      'PAYLOAD_MALFORMED',
      { _type: 'https://in-toto.io/Statement/v0.2', subject: [], predicateType: 'x' },
    ],
    ['no statement', 'PAYLOAD_MALFORMED', { hello: 'world' }],
  ])('a signed payload with %s: %s', async (_name, code, payload) => {
    const { json } = await (await loopback.open()).signStatement(Buffer.from(JSON.stringify(payload)));
    expect(() => verify(json)).toThrow(refusal(code));
  });
});
