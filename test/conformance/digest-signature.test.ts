import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { verifyDigestSignature } from './digest-signature.js';

const BYTES = Buffer.from('the artifact');
const digestOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest();

const KEYS: readonly (readonly [string, () => { readonly publicKey: KeyObject; readonly privateKey: KeyObject }])[] = [
  ['P-256', () => generateKeyPairSync('ec', { namedCurve: 'P-256' })],
  ['P-384', () => generateKeyPairSync('ec', { namedCurve: 'P-384' })],
  ['P-521', () => generateKeyPairSync('ec', { namedCurve: 'P-521' })],
  ['RSA', () => generateKeyPairSync('rsa', { modulusLength: 2048 })],
];

describe.each(KEYS)('a signature of %s over a digest', (_name, generate) => {
  const { publicKey, privateKey } = generate();
  const signature = sign('sha256', BYTES, privateKey);

  test('holds', () => {
    expect(verifyDigestSignature(publicKey, digestOf(BYTES), signature)).toBe(true);
  });

  test('does not hold for other bytes, another key, and one bit of itself', () => {
    const changed = Buffer.from(signature);
    changed.writeUInt8((changed.at(-1) ?? 0) ^ 1, changed.length - 1);
    expect(verifyDigestSignature(publicKey, digestOf(Buffer.from('another')), signature)).toBe(false);
    expect(verifyDigestSignature(generate().publicKey, digestOf(BYTES), signature)).toBe(false);
    expect(verifyDigestSignature(publicKey, digestOf(BYTES), changed)).toBe(false);
    expect(verifyDigestSignature(publicKey, digestOf(BYTES), Buffer.alloc(0))).toBe(false);
  });
});

test('Ed25519 signs no digest', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  expect(verifyDigestSignature(publicKey, digestOf(BYTES), sign(null, BYTES, privateKey))).toBe(false);
});
