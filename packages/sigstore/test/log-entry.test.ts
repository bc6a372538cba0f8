import { describe, expect, test } from '@jest/globals';
import type { Bundle, TransparencyLogEntry } from '@sigstore/bundle';
import { assertOwnEntry, namesAnotherSigner, type SignedBundle } from '../src/verify/verify-log-entries.js';

const SIGNER = Buffer.from('the certificate of the bundle, DER');
const STRANGER = Buffer.from("somebody's key under which the same signature verifies, DER");
const SIGNATURE = Buffer.from('the signature');
const SIGNED = Buffer.alloc(32, 1);
const PAYLOAD = Buffer.alloc(32, 2);
const OTHER = Buffer.alloc(32, 3);

const base64 = (bytes: Buffer | string) => Buffer.from(bytes).toString('base64');
const raw = (der: Buffer) => ({ x509Certificate: { rawBytes: base64(der) } });
const bareKey = (der: Buffer) => ({ publicKey: { rawBytes: base64(der) } });
const pem = (der: Buffer) => base64(`-----BEGIN CERTIFICATE-----\n${base64(der)}\n-----END CERTIFICATE-----\n`);

interface Logged {
  readonly signature?: Buffer;
  /** Of what the signature covers, or of the payload, as the kind has it. */
  readonly digest?: Buffer;
}

/** Where each kind of entry that a bundle can have names who signed what. */
const KINDS: Readonly<Record<string, (signers: readonly Buffer[], logged?: Logged) => unknown>> = {
  'hashedrekord 0.0.1': ([der = SIGNER], { signature = SIGNATURE, digest = SIGNED } = {}) => ({
    signature: { content: base64(signature), publicKey: { content: pem(der) } },
    data: { hash: { value: digest.toString('hex') } },
  }),
  'hashedrekord 0.0.2': ([der = SIGNER], { signature = SIGNATURE, digest = SIGNED } = {}) => ({
    hashedRekordV002: {
      signature: { content: base64(signature), verifier: raw(der) },
      data: { digest: base64(digest) },
    },
  }),
  'dsse 0.0.1': (signers, { signature = SIGNATURE, digest = PAYLOAD } = {}) => ({
    signatures: signers.map((der) => ({ signature: base64(signature), verifier: pem(der) })),
    payloadHash: { value: digest.toString('hex') },
  }),
  'dsse 0.0.2': (signers, { signature = SIGNATURE, digest = PAYLOAD } = {}) => ({
    dsseV002: {
      signatures: signers.map((der) => ({ content: base64(signature), verifier: raw(der) })),
      payloadHash: { digest: base64(digest) },
    },
  }),
  'intoto 0.0.2': (signers, { signature = SIGNATURE, digest = PAYLOAD } = {}) => ({
    content: {
      envelope: { signatures: signers.map((der) => ({ sig: base64(base64(signature)), publicKey: pem(der) })) },
      payloadHash: { value: digest.toString('hex') },
    },
  }),
};
const SEVERAL = ['dsse 0.0.1', 'dsse 0.0.2', 'intoto 0.0.2'];

function entryOf(name: string, spec: unknown): TransparencyLogEntry {
  const [kind = '', version = ''] = name.split(' ');
  const canonicalizedBody = Buffer.from(JSON.stringify({ kind, apiVersion: version, spec }));
  return { canonicalizedBody, kindVersion: { kind, version } } as TransparencyLogEntry;
}

function signed($case: 'certificate' | 'publicKey', payloadDigest: Buffer | undefined): SignedBundle {
  const mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.2';
  const bundle = { mediaType, verificationMaterial: { content: { $case } } } as unknown as Bundle;
  const content = { signature: SIGNATURE, signedDigest: SIGNED, payloadDigest, isSignedBy: () => true };
  return { bundle, content, signer: SIGNER };
}

function check(name: string, spec: unknown, content: 'certificate' | 'publicKey' = 'certificate'): void {
  assertOwnEntry(entryOf(name, spec), signed(content, PAYLOAD));
}

describe.each(Object.keys(KINDS))('an entry of kind %s', (name) => {
  const spec = KINDS[name] ?? (() => ({}));

  test('is accepted when it names the signer of the bundle', () => {
    expect(() => check(name, spec([SIGNER]))).not.toThrow();
    expect(namesAnotherSigner(entryOf(name, spec([SIGNER])), SIGNER)).toBe(false);
  });

  test('is refused when it names somebody else, whose key the same signature fits', () => {
    expect(() => check(name, spec([STRANGER]))).toThrow(expect.objectContaining({ code: 'CERTIFICATE_MISMATCH' }));
    expect(() => check(name, spec([STRANGER]), 'publicKey')).toThrow(expect.objectContaining({ code: 'KEY_MISMATCH' }));
    expect(namesAnotherSigner(entryOf(name, spec([STRANGER])), SIGNER)).toBe(true);
  });

  test('is refused when it is about another signature, or other bytes', () => {
    const mismatch = expect.objectContaining({ code: 'LOG_ENTRY_MISMATCH' });
    expect(() => check(name, spec([SIGNER], { signature: OTHER }))).toThrow(mismatch);
    expect(() => check(name, spec([SIGNER], { digest: OTHER }))).toThrow(mismatch);
    expect(() => check(name, spec([SIGNER], { digest: Buffer.alloc(0) }))).toThrow(mismatch);
  });

  test('is refused when the body is of another kind than the entry says', () => {
    const entry = {
      ...entryOf(name, spec([SIGNER])),
      kindVersion: { kind: name.split(' ')[0] ?? '', version: '0.0.9' },
    };
    const refusal = () => assertOwnEntry(entry, signed('certificate', PAYLOAD));
    expect(refusal).toThrow(expect.objectContaining({ code: 'LOG_ENTRY_MISMATCH' }));
  });

  test('is refused when it cannot be read', () => {
    expect(() => check(name, {})).toThrow(expect.objectContaining({ code: 'LOG_ENTRY_MISMATCH' }));
    expect(namesAnotherSigner(entryOf(name, {}), SIGNER)).toBe(false);
  });
});

test.each(SEVERAL)('an entry of kind %s with several signers, or none, is refused', (name) => {
  const spec = KINDS[name] ?? (() => ({}));
  for (const signers of [[], [SIGNER, STRANGER], [STRANGER, SIGNER], [SIGNER, SIGNER]]) {
    expect(() => check(name, spec(signers))).toThrow(expect.objectContaining({ code: 'LOG_ENTRY_MISMATCH' }));
  }
});

test.each(['dsse 0.0.2', 'hashedrekord 0.0.2'])(
  'an entry of kind %s with a bare key is not one with a certificate',
  (name) => {
    const verifier = bareKey(STRANGER);
    const text = JSON.stringify((KINDS[name] ?? (() => ({})))([SIGNER]));
    const spec = JSON.parse(text.replace(JSON.stringify(raw(SIGNER)), JSON.stringify(verifier)));
    expect(() => check(name, spec)).toThrow(expect.objectContaining({ code: 'CERTIFICATE_MISMATCH' }));
  },
);

test.each(SEVERAL)('an entry of kind %s is about an envelope, not about a message', (name) => {
  const entry = entryOf(name, (KINDS[name] ?? (() => ({})))([SIGNER]));
  const refusal = () => assertOwnEntry(entry, signed('certificate', undefined));
  expect(refusal).toThrow(expect.objectContaining({ code: 'LOG_ENTRY_MISMATCH' }));
});

test.each(['intoto 0.0.1', 'dsse 0.0.3', 'rekord 0.0.1', 'constructor 0.0.1'])(
  'an entry of kind %s is not known',
  (name) => {
    expect(() => check(name, {})).toThrow(expect.objectContaining({ code: 'LOG_ENTRY_MISMATCH' }));
  },
);
