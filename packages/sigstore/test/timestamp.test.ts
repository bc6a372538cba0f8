import { describe, expect, test } from '@jest/globals';
import { type Certificate, readCertificate } from '../src/verify/certificate-fields.js';
import type { Authority } from '../src/verify/trust-material.js';
import { readTimestamps, verifyTimestamps } from '../src/verify/verify-timestamps.js';
import {
  AUTHORITY,
  type CertificateParts,
  certificate,
  critical,
  extendedKeyUsage,
  keyUsage,
  newKey,
  octets,
  oid,
  PURPOSES,
  sequence,
} from './made-certificates.js';
import {
  CONTENT_TYPE,
  messageDigest,
  NOW,
  OTHER_CONTENT_TYPE,
  type TimestampParts,
  timestamp,
} from './made-timestamp.js';

const DATA = Buffer.from('the signature of a bundle');
const FOREVER = { start: new Date(0), end: new Date(8.64e15) };
const [ROOT, TSA] = [newKey(), newKey()];
const SERIAL = Buffer.from([9, 1]);
const STAMPING = [keyUsage(0x80), extendedKeyUsage(PURPOSES.timeStamping)];
const PARTS: TimestampParts = { data: DATA, key: TSA.privateKey, issuer: 'root', serialNumber: SERIAL };
const SHA1 = sequence(oid('2b0e03021a'));
const UNKNOWN = '2b0601040181fd5901';

function authority(change: Partial<CertificateParts> = {}, validFor = FOREVER): Authority {
  const common = { issuer: 'root', signer: ROOT.privateKey };
  const signer = { subject: 'tsa', key: TSA.publicKey, serialNumber: SERIAL, extensions: STAMPING };
  const root = certificate({ ...common, subject: 'root', key: ROOT.publicKey, extensions: AUTHORITY });
  const chain: readonly Certificate[] = [certificate({ ...common, ...signer, ...change }), root].map(readCertificate);
  return { chain, validFor };
}

function verify(change: Partial<TimestampParts>, authorities: readonly Authority[] = [authority()]): Date {
  const stamps = readTimestamps([timestamp({ ...PARTS, ...change })]);
  verifyTimestamps(stamps, DATA, authorities);
  return stamps[0]?.time ?? new Date(0);
}

const withCode = (code: string) => expect.objectContaining({ code });

test('a timestamp of the bytes verifies, and says when', () => {
  const before = Date.now() - 1000;
  expect(verify({}).getTime()).toBeGreaterThanOrEqual(before - 1000);
  expect(verify({ status: 1 })).toBeInstanceOf(Date);
});

test('fractions of a second are read', () => {
  const time = NOW().replace('Z', '.5Z');
  expect(verify({ time }).getMilliseconds()).toBe(500);
});

test('an extension that is not critical is passed over', () => {
  const extension = sequence(oid(UNKNOWN), octets(Buffer.from('0500', 'hex')));
  expect(verify({ infoExtensions: [extension] })).toBeInstanceOf(Date);
});

describe('a timestamp is invalid', () => {
  test.each<[string, Partial<TimestampParts>]>([
    ['that was refused', { status: 2 }],
    ['that waits for something', { status: 3 }],
    ['whose token is no signed data', { tokenType: '2a864886f70d010701' }],
    ['of another version of signed data', { dataVersion: 1 }],
    ['that holds something else', { contentType: '2a864886f70d010701' }],
    ['of another version', { infoVersion: 2 }],
    [
      'with a critical extension',
      { infoExtensions: [sequence(oid(UNKNOWN), critical, octets(Buffer.from('0500', 'hex')))] },
    ],
    ['about other bytes', { imprint: Buffer.alloc(32) }],
    ['with a hash that is broken', { imprintHash: SHA1 }],
    ['whose signer uses a hash that is broken', { signerHash: SHA1 }],
    ['of another version of signer', { signerVersion: 3 }],
    ['of two signers', { signers: 2 }],
    ['of no signer', { signers: 0 }],
    ['without signed attributes', { attributes: () => [] }],
    ['that does not sign the type of its content', { attributes: (content) => [messageDigest(content)] }],
    ['that signs another type', { attributes: (content) => [OTHER_CONTENT_TYPE, messageDigest(content)] }],
    ['that signs no digest', { attributes: () => [CONTENT_TYPE] }],
    ['that signs the digest of something else', { attributes: () => [CONTENT_TYPE, messageDigest(DATA)] }],
    [
      'that signs two digests',
      { attributes: (content) => [CONTENT_TYPE, messageDigest(DATA), messageDigest(content)] },
    ],
    ['with a signature algorithm that nobody knows', { signatureAlgorithm: sequence(oid(UNKNOWN)) }],
    ['signed with another key', { key: newKey().privateKey }],
    ['in local time', { time: NOW().replace('Z', '+0100') }],
    ['of the 13th month', { time: '20261321000000Z' }],
    ['without a time', { time: '' }],
  ])('%s', (_name, change) => {
    expect(() => verify(change)).toThrow(withCode('TIMESTAMP_INVALID'));
  });

  test.each<[string, Authority]>([
    ['at a time at which its authority was not trusted', authority({}, { start: new Date(0), end: new Date(1) })],
    ['at a time at which its certificate was not valid', authority({ valid: [60_000, 600_000] })],
    ['of a certificate that the authority did not issue', authority({ signer: newKey().privateKey })],
    [
      'of a certificate for another purpose',
      authority({ extensions: [keyUsage(0x80), extendedKeyUsage(PURPOSES.codeSigning)] }),
    ],
    ['of a certificate for no purpose', authority({ extensions: [keyUsage(0x80)] })],
  ])('%s', (_name, maker) => {
    expect(() => verify({}, [maker])).toThrow(withCode('TIMESTAMP_INVALID'));
  });

  test('that is there twice', () => {
    const [stamp] = readTimestamps([timestamp(PARTS)]);
    if (stamp === undefined) throw new Error('there is one');
    expect(() => verifyTimestamps([stamp, stamp], DATA, [authority()])).toThrow(withCode('TIMESTAMP_INVALID'));
  });

  test('beside one that is valid', () => {
    const stamps = readTimestamps([timestamp(PARTS), timestamp({ ...PARTS, imprint: Buffer.alloc(32) })]);
    expect(() => verifyTimestamps(stamps, DATA, [authority()])).toThrow(withCode('TIMESTAMP_INVALID'));
  });

  test.each([0, 1, 7])('with %i bytes cut off or added', (count) => {
    const bytes = timestamp(PARTS);
    expect(() => readTimestamps([bytes.subarray(0, bytes.length - 1 - count)])).toThrow(withCode('TIMESTAMP_INVALID'));
    expect(() => readTimestamps([Buffer.concat([bytes, Buffer.alloc(count + 1)])])).toThrow(
      withCode('TIMESTAMP_INVALID'),
    );
  });
});

test('an authority that the trusted root does not name is not trusted', () => {
  expect(() => verify({}, [])).toThrow(withCode('TIMESTAMP_UNTRUSTED'));
  expect(() => verify({ serialNumber: Buffer.from([9, 2]) })).toThrow(withCode('TIMESTAMP_UNTRUSTED'));
  expect(() => verify({ issuer: 'Root' })).toThrow(withCode('TIMESTAMP_UNTRUSTED'));
});

test('of several authorities with the same signer one is enough', () => {
  expect(verify({}, [authority({}, { start: new Date(0), end: new Date(1) }), authority()])).toBeInstanceOf(Date);
});
