import { describe, expect, test } from '@jest/globals';
import type { Bundle, TransparencyLogEntry } from '@sigstore/bundle';
import { assertLogEntry, namesAnotherSigner } from '../src/log-entry.js';

const SIGNER = Buffer.from('the certificate of the bundle, DER');
const STRANGER = Buffer.from("somebody's key under which the same signature verifies, DER");

const raw = (der: Buffer) => ({ x509Certificate: { rawBytes: der.toString('base64') } });
const bareKey = (der: Buffer) => ({ publicKey: { rawBytes: der.toString('base64') } });
const pem = (der: Buffer) =>
  Buffer.from(`-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`).toString('base64');

/** Where each kind of entry that a bundle can have names who signed. */
const KINDS: Readonly<Record<string, (...signers: readonly Buffer[]) => unknown>> = {
  'hashedrekord 0.0.1': (der = SIGNER) => ({ signature: { publicKey: { content: pem(der) } } }),
  'hashedrekord 0.0.2': (der = SIGNER) => ({ hashedRekordV002: { signature: { verifier: raw(der) } } }),
  'dsse 0.0.1': (...signers) => ({ signatures: signers.map((der) => ({ verifier: pem(der) })) }),
  'dsse 0.0.2': (...signers) => ({ dsseV002: { signatures: signers.map((der) => ({ verifier: raw(der) })) } }),
  'intoto 0.0.2': (...signers) => ({
    content: { envelope: { signatures: signers.map((der) => ({ publicKey: pem(der) })) } },
  }),
};
const SEVERAL = ['dsse 0.0.1', 'dsse 0.0.2', 'intoto 0.0.2'];

function entryOf(name: string, spec: unknown): TransparencyLogEntry {
  const [kind = '', version = ''] = name.split(' ');
  const canonicalizedBody = Buffer.from(JSON.stringify({ kind, apiVersion: version, spec }));
  return { canonicalizedBody, kindVersion: { kind, version } } as TransparencyLogEntry;
}

function bundleOf(content: 'certificate' | 'publicKey'): Bundle {
  const mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.2';
  return { mediaType, verificationMaterial: { content: { $case: content } } } as unknown as Bundle;
}

function check(name: string, spec: unknown, content: 'certificate' | 'publicKey' = 'certificate'): void {
  assertLogEntry(entryOf(name, spec), bundleOf(content), SIGNER);
}

describe.each(Object.keys(KINDS))('an entry of kind %s', (name) => {
  const spec = KINDS[name] ?? (() => ({}));

  test('is accepted when it names the signer of the bundle', () => {
    expect(() => check(name, spec(SIGNER))).not.toThrow();
    expect(namesAnotherSigner(entryOf(name, spec(SIGNER)), SIGNER)).toBe(false);
  });

  test('is refused when it names somebody else, whose key the same signature fits', () => {
    expect(() => check(name, spec(STRANGER))).toThrow(expect.objectContaining({ code: 'CERTIFICATE_MISMATCH' }));
    expect(() => check(name, spec(STRANGER), 'publicKey')).toThrow(expect.objectContaining({ code: 'KEY_MISMATCH' }));
    expect(namesAnotherSigner(entryOf(name, spec(STRANGER)), SIGNER)).toBe(true);
  });

  test('is refused when it cannot be read', () => {
    expect(() => check(name, {})).toThrow(expect.objectContaining({ code: 'LOG_ENTRY_MISMATCH' }));
    expect(namesAnotherSigner(entryOf(name, {}), SIGNER)).toBe(false);
  });
});

test.each(SEVERAL)('an entry of kind %s with several signers, or none, names nobody', (name) => {
  const spec = KINDS[name] ?? (() => ({}));
  for (const signers of [[], [SIGNER, STRANGER], [STRANGER, SIGNER], [SIGNER, SIGNER]]) {
    expect(() => check(name, spec(...signers))).toThrow(expect.objectContaining({ code: 'CERTIFICATE_MISMATCH' }));
  }
});

test.each(['dsse 0.0.2', 'hashedrekord 0.0.2'])(
  'an entry of kind %s with a bare key is not one with a certificate',
  (name) => {
    const verifier = bareKey(STRANGER);
    const spec =
      name === 'dsse 0.0.2'
        ? { dsseV002: { signatures: [{ verifier }] } }
        : { hashedRekordV002: { signature: { verifier } } };
    expect(() => check(name, spec)).toThrow(expect.objectContaining({ code: 'CERTIFICATE_MISMATCH' }));
  },
);

test.each(['intoto 0.0.1', 'dsse 0.0.3', 'rekord 0.0.1', 'constructor 0.0.1'])(
  'an entry of kind %s names nobody that is known',
  (name) => {
    expect(() => check(name, {})).toThrow(expect.objectContaining({ code: 'CERTIFICATE_MISMATCH' }));
  },
);
