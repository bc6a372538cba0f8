import { X509Certificate } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { parseSigningCertificate } from '../src/certificate.js';
import { isIssuedByAuthority } from '../src/log.js';
import { readCertificate } from '../src/verify/certificate-fields.js';
import { verifyMaterial } from '../src/verify-material.js';
import { certificate, octets, oid, sequence } from './made-certificates.js';
import { LEAF, madeInstance, OWN, SAN } from './made-instance.js';

const leaf = certificate(LEAF);
const pem = new X509Certificate(leaf).toString();
/** A certificate that its subject made himself, for the same key, with the one of the authority as text in an extension. */
const carrier = certificate({
  ...{ ...LEAF, ...OWN },
  extensions: [sequence(oid('2b0601040181fd5901'), octets(Buffer.from(`\n${pem}`)))],
});

test('a certificate is read from its DER, and from PEM where that is a text', () => {
  expect(readCertificate(leaf).der.equals(leaf)).toBe(true);
  expect(readCertificate(pem).der.equals(leaf)).toBe(true);
  expect(verifyMaterial(madeInstance({ leaf })).certificate.san).toBe(SAN);
});

describe('bytes that two readers see differently are no certificate', () => {
  test.each<[string, Buffer]>([
    ['PEM in place of DER', Buffer.from(pem)],
    ['DER with PEM of another one in an extension', carrier],
    ['DER with PEM of another one behind it', Buffer.concat([certificate(LEAF), Buffer.from(`\n${pem}`)])],
    ['DER with a byte behind it', Buffer.concat([leaf, Buffer.from([0])])],
  ])('%s', (_name, bytes) => {
    expect(() => parseSigningCertificate(bytes)).toThrow(expect.objectContaining({ code: 'CERTIFICATE_MALFORMED' }));
  });
});

test('a certificate does not pass under another one, which alone is in the log', () => {
  // The log shows the carrier: who watches it for the name of the leaf would never see that.
  const signed = madeInstance({ leaf, rawBytes: carrier });
  expect(() => verifyMaterial(signed)).toThrow(expect.objectContaining({ code: 'CERTIFICATE_MALFORMED' }));
  expect(isIssuedByAuthority(carrier, signed.trustedRoot)).toBe(false);
});
