import { expect, test } from '@jest/globals';
import { parseBundle } from '../src/bundle.js';

/** A bundle of version 0.1 whose chain has so many certificates. */
function withChain(count: number): string {
  const certificates = Array.from({ length: count }, () => ({ rawBytes: 'AAAA' }));
  return JSON.stringify({
    mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.1',
    verificationMaterial: { x509CertificateChain: { certificates }, tlogEntries: [] },
    messageSignature: { messageDigest: { algorithm: 'SHA2_256', digest: 'AAAA' }, signature: 'AAAA' },
  });
}

test.each([1, 8])('a chain of %i certificates is read', (count) => {
  expect(parseBundle(withChain(count)).verificationMaterial.content.$case).toBe('x509CertificateChain');
});

test.each([0, 9, 60_000])('a chain of %i certificates is refused before any of them is read', (count) => {
  expect(() => parseBundle(withChain(count))).toThrow(expect.objectContaining({ code: 'BUNDLE_MALFORMED' }));
});

test('JSON that is nested as deep as its bytes allow is no bundle', () => {
  const depth = 1_000_000;
  const text = `{"mediaType":"x","deep":${'['.repeat(depth)}${']'.repeat(depth)}}`;
  expect(() => parseBundle(text)).toThrow(expect.objectContaining({ code: 'BUNDLE_MALFORMED' }));
});

const MESSAGE = { messageDigest: { algorithm: 'SHA2_256', digest: 'AAAA' }, signature: 'AAAA' };
const ENVELOPE = { payload: 'AAAA', payloadType: 'a/b', signatures: [{ sig: 'AAAA' }] };

function bundleWith(
  changes: Readonly<Record<string, unknown>>,
  material: Readonly<Record<string, unknown>> = {},
): string {
  return JSON.stringify({
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { certificate: { rawBytes: 'AAAA' }, ...material },
    messageSignature: MESSAGE,
    ...changes,
  });
}

test('fields of null are fields that are not set', () => {
  const { verificationMaterial, content } = parseBundle(bundleWith({ dsseEnvelope: null }, { tlogEntries: null }));
  expect(verificationMaterial.tlogEntries).toEqual([]);
  expect(content.$case).toBe('messageSignature');
});

test.each<[string, string]>([
  ['two contents', bundleWith({ dsseEnvelope: ENVELOPE })],
  ['no content', bundleWith({ messageSignature: undefined })],
  ['a certificate and a key', bundleWith({}, { publicKey: { hint: 'a' } })],
  ['neither certificate nor key', bundleWith({}, { certificate: undefined })],
  ['an empty certificate', bundleWith({}, { certificate: { rawBytes: '' } })],
  ['an empty signature', bundleWith({ messageSignature: { ...MESSAGE, signature: '' } })],
  [
    'a hash that nobody knows',
    bundleWith({ messageSignature: { ...MESSAGE, messageDigest: { algorithm: 'MD5', digest: 'AAAA' } } }),
  ],
  [
    'two signatures',
    bundleWith({
      messageSignature: undefined,
      dsseEnvelope: { ...ENVELOPE, signatures: [{ sig: 'AAAA' }, { sig: 'AAAA' }] },
    }),
  ],
  ['base64 of URLs', bundleWith({ messageSignature: { ...MESSAGE, signature: '__--' } })],
  ['base64 without its end', bundleWith({ messageSignature: { ...MESSAGE, signature: 'AAA' } })],
  ['a number in the place of bytes', bundleWith({ messageSignature: { ...MESSAGE, signature: 1234 } })],
  ['a version that nobody knows', bundleWith({ mediaType: 'application/vnd.dev.sigstore.bundle.v0.4+json' })],
  [
    'more behind its version',
    bundleWith({ mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json; charset=utf-8' }),
  ],
  ['a list in the place of an object', '[]'],
  ['no JSON at all', 'bundle'],
])('a bundle with %s is refused', (_name, text) => {
  expect(() => parseBundle(text)).toThrow(expect.objectContaining({ code: 'BUNDLE_MALFORMED' }));
});
