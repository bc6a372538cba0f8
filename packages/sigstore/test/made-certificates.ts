import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { DER, encodeElement } from '../src/der.js';

/** Certificates and their parts for tests: what no authority would issue can be made as well. */
export const sequence = (...parts: readonly Buffer[]) => encodeElement(DER.sequence, ...parts);
export const oid = (hex: string) => encodeElement(DER.objectIdentifier, Buffer.from(hex, 'hex'));
export const integer = (...bytes: readonly number[]) => encodeElement(DER.integer, Buffer.from(bytes));
export const octets = (value: Buffer) => encodeElement(DER.octetString, value);
export const critical = encodeElement(DER.boolean, Buffer.from([0xff]));
export const ECDSA_SHA256 = sequence(oid('2a8648ce3d040302'));

/** Content of their OBJECT IDENTIFIER. */
export const PURPOSES = {
  codeSigning: '2b06010505070303',
  serverAuth: '2b06010505070301',
  emailProtection: '2b06010505070304',
  timeStamping: '2b06010505070308',
};

export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

export const newKey = (): KeyPair => generateKeyPairSync('ec', { namedCurve: 'P-256' });

export const name = (text: string) =>
  sequence(encodeElement(0x31, sequence(oid('550403'), encodeElement(DER.utf8String, Buffer.from(text)))));

export const basicConstraints = (isAuthority: boolean, maxPath?: number) =>
  sequence(
    oid('551d13'),
    critical,
    octets(isAuthority ? sequence(critical, ...(maxPath === undefined ? [] : [integer(maxPath)])) : sequence()),
  );
export const keyUsage = (bits: number) =>
  sequence(oid('551d0f'), critical, octets(encodeElement(0x03, Buffer.from([1, bits]))));
export const extendedKeyUsage = (...purposes: readonly string[]) =>
  sequence(oid('551d25'), octets(sequence(...purposes.map(oid))));
export const subjectAltName = (uri: string) =>
  sequence(oid('551d11'), octets(sequence(encodeElement(0x86, Buffer.from(uri)))));

/** What an authority has: it may sign certificates. */
export const AUTHORITY = [basicConstraints(true), keyUsage(0x06)];

export interface CertificateParts {
  readonly subject: string;
  readonly issuer: string;
  readonly key: KeyObject;
  readonly signer: KeyObject;
  readonly extensions: readonly Buffer[];
  readonly serialNumber?: Buffer;
  /** Milliseconds from now (default ten minutes on both sides). */
  readonly valid?: readonly [from: number, to: number];
  /** Milliseconds (default this moment). */
  readonly now?: number;
}

/** RFC 5280, section 4.1. */
export function certificate(parts: CertificateParts): Buffer {
  const tbs = signedPart(parts);
  return sequence(tbs, ECDSA_SHA256, encodeElement(0x03, Buffer.from([0]), sign('sha256', tbs, parts.signer)));
}

/** What `signer` signs: the TBSCertificate. */
export function signedPart(parts: CertificateParts): Buffer {
  const { subject, issuer, key, extensions, valid: [from, to] = [-600_000, 600_000], now = Date.now() } = parts;
  const serialNumber = parts.serialNumber ?? Buffer.from([1, ...randomBytes(8)]);
  return sequence(
    ...[encodeElement(0xa0, integer(2)), integer(...serialNumber), ECDSA_SHA256, name(issuer)],
    ...[sequence(utcTime(now + from), utcTime(now + to)), name(subject), key.export({ format: 'der', type: 'spki' })],
    encodeElement(0xa3, sequence(...extensions)),
  );
}

function utcTime(time: number): Buffer {
  const digits = new Date(time).toISOString().replaceAll(/\D/g, '');
  return encodeElement(0x17, Buffer.from(`${digits.slice(2, 14)}Z`));
}
