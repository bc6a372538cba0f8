import { sign, X509Certificate } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { parseSigningCertificate } from '../src/certificate.js';
import { childrenOf, DER, encodeElement, readSingle } from '../src/der.js';
import { isIssuedByAuthority } from '../src/log.js';
import { readCertificate, validAt } from '../src/verify/certificate-fields.js';
import { verifyMaterial } from '../src/verify-material.js';
import { certificate, ECDSA_SHA256, octets, oid, sequence, signedPart } from './made-certificates.js';
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

/** The leaf with both of its times spelled so, as GeneralizedTime. */
function dated(time: string): Buffer {
  const parts = childrenOf(readSingle(signedPart(LEAF), DER.sequence)).map(({ raw }) => raw);
  const spelled = encodeElement(0x18, Buffer.from(time));
  const tbs = sequence(...parts.slice(0, 4), sequence(spelled, spelled), ...parts.slice(5));
  return sequence(tbs, ECDSA_SHA256, encodeElement(0x03, Buffer.from([0]), sign('sha256', tbs, LEAF.signer)));
}

test.each<[string, string]>([
  ['20260102030405Z', '2026-01-02T03:04:05.000Z'],
  ['20260102030405+0100', '2026-01-02T02:04:05.000Z'],
  ['99991231235959Z', '9999-12-31T23:59:59.000Z'],
])('the time %s is %s', (spelled, time) => {
  expect(readCertificate(dated(spelled)).notAfter.toISOString()).toBe(time);
});

test('a certificate with a time that is none is valid at no time', () => {
  const read = readCertificate(dated('20260230000000Z'));
  expect(validAt(read, new Date('2026-03-02T00:00:00Z'))).toBe(false);
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
