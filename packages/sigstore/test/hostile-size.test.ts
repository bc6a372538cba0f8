import { describe, expect, test } from '@jest/globals';
import { parseBundle } from '../src/bundle.js';
import { parseSigningCertificate } from '../src/certificate.js';
import { readElements } from '../src/der.js';
import { certificate, octets, oid, sequence } from './made-certificates.js';
import { LEAF } from './made-instance.js';

const MOST = 64;
const MOST_ELEMENTS = 1024;
const UNKNOWN = '2b0601040181fd5901';

/** A bundle with one array of so many items, of which the first is malformed. */
const ARRAYS: Readonly<Record<string, (items: readonly unknown[]) => object>> = {
  tlogEntries: (tlogEntries) => ({ verificationMaterial: { publicKey: {}, tlogEntries } }),
  hashes: (hashes) => ({
    verificationMaterial: { publicKey: {}, tlogEntries: [{ logId: {}, kindVersion: {}, inclusionProof: { hashes } }] },
  }),
  rfc3161Timestamps: (rfc3161Timestamps) => ({
    verificationMaterial: { publicKey: {}, timestampVerificationData: { rfc3161Timestamps } },
  }),
  certificates: (certificates) => ({ verificationMaterial: { x509CertificateChain: { certificates } } }),
  signatures: (signatures) => ({
    verificationMaterial: { publicKey: {} },
    dsseEnvelope: { payload: 'AAAA', payloadType: 'a/b', signatures },
  }),
};

/** Whether the bundle is refused for their number, or for the item. */
function refusal(name: string, count: number): string {
  const text = JSON.stringify({ mediaType: 'x', ...ARRAYS[name]?.(Array.from({ length: count }, () => 5)) });
  try {
    parseBundle(text);
    return 'none';
  } catch (error) {
    return String((error as Error).cause);
  }
}

test.each(Object.keys(ARRAYS))('too many items in %s are refused before any of them is read', (name) => {
  expect(refusal(name, MOST)).toContain('JsonError');
  expect(refusal(name, MOST + 1)).toContain('too many items');
});

test('DER with too many elements is refused before it fills the memory', () => {
  const elements = (count: number) => Buffer.alloc(2 * count, Buffer.from('0500', 'hex'));
  expect(readElements(elements(MOST_ELEMENTS))).toHaveLength(MOST_ELEMENTS);
  expect(() => readElements(elements(MOST_ELEMENTS + 1))).toThrow(RangeError);
});

describe('a certificate', () => {
  const large = (bytes: number) =>
    certificate({ ...LEAF, extensions: [...LEAF.extensions, sequence(oid(UNKNOWN), octets(Buffer.alloc(bytes)))] });

  test('may have some thousand bytes', () => {
    expect(parseSigningCertificate(large(32 * 1024)).extensions).toEqual({});
  });

  test('of more than all that are issued is refused', () => {
    const malformed = expect.objectContaining({ code: 'CERTIFICATE_MALFORMED' });
    expect(() => parseSigningCertificate(large(64 * 1024))).toThrow(malformed);
  });
});
