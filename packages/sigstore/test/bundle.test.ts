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
