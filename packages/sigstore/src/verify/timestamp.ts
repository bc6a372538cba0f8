import { createHash, type KeyObject, verify } from 'node:crypto';
import { childrenOf, DER, type DerElement, readOid, readSingle } from '../der.js';

/** An answer of a timestamp authority (RFC 3161, section 2.4.2), read but not verified. */
export interface Timestamp {
  readonly time: Date;
  /** Who signed it, as its certificate spells both. */
  readonly signerIssuer: Buffer;
  readonly signerSerialNumber: Buffer;
  readonly imprint: { readonly hash: string; readonly digest: Buffer };
  /** The TSTInfo. */
  readonly content: Buffer;
  readonly signed: { readonly attributes: Buffer; readonly messageDigest: Buffer; readonly hash: string };
  readonly signature: { readonly hash: string | null; readonly bytes: Buffer };
}

const OID = {
  signedData: '1.2.840.113549.1.7.2',
  tstInfo: '1.2.840.113549.1.9.16.1.4',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
} as const;
const HASHES: Readonly<Record<string, string>> = {
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};
/** `own`: the hash is the one of the signer's digest algorithm. */
const SIGNATURES: Readonly<Record<string, string | null>> = {
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.113549.1.1.1': 'own',
  '1.2.840.10045.2.1': 'own',
  '1.3.101.112': null,
};
const TAG = { set: 0x31, generalizedTime: 0x18, context0: 0xa0, extensions: 0xa1 } as const;
/** granted, grantedWithMods */
const GRANTED = new Set([0, 1]);
const TIME = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\.\d{1,9})?Z$/;

/**
 * Reads a granted answer with exactly one signer (RFC 5652, section 5; RFC 3161, section 2.4).
 * @throws {RangeError} for anything else
 */
export function readTimestamp(der: Buffer): Timestamp {
  const [status, token] = childrenOf(readSingle(der, DER.sequence));
  if (!GRANTED.has(smallInteger(child(status, 0)))) throw new RangeError('the timestamp was not granted');
  const [type, wrapped] = children(token, DER.sequence);
  if (oidOf(type) !== OID.signedData) throw new RangeError('the token is no signed data');
  const data = children(only(wrapped, TAG.context0), DER.sequence);
  // RFC 5652, section 5.1: for content of another type than id-data.
  if (smallInteger(data[0]) !== 3 || data[1]?.tag !== TAG.set)
    throw new RangeError('the signed data is of another version');
  const content = tstInfoOf(data[2]);
  return { ...readTstInfo(content), content, ...readSigner(only(data.at(-1), TAG.set)) };
}

/** Whether the key signed this timestamp over these bytes. */
export function isTimestampOf(
  { imprint, content, signed, signature }: Timestamp,
  data: Uint8Array,
  key: KeyObject,
): boolean {
  const digest = (hash: string, bytes: Uint8Array) => createHash(hash).update(bytes).digest();
  return (
    digest(imprint.hash, data).equals(imprint.digest) &&
    digest(signed.hash, content).equals(signed.messageDigest) &&
    verify(signature.hash, signed.attributes, key, signature.bytes)
  );
}

function tstInfoOf(encapsulated: DerElement | undefined): Buffer {
  const [type, content] = children(encapsulated, DER.sequence);
  if (oidOf(type) !== OID.tstInfo) throw new RangeError('the token holds no timestamp');
  const octets = only(content, TAG.context0);
  if (octets.tag !== DER.octetString) throw new RangeError('the timestamp is not in octets');
  return octets.content;
}

/** Section 2.4.2: version 1, policy, imprint, serial number, time; then what is optional. */
function readTstInfo(bytes: Buffer): Pick<Timestamp, 'time' | 'imprint'> {
  const fields = childrenOf(readSingle(bytes, DER.sequence));
  const [version, , imprint, , time] = fields;
  if (smallInteger(version) !== 1) throw new RangeError('the timestamp has another version');
  assertNothingCritical(fields.find(({ tag }) => tag === TAG.extensions));
  const [algorithm, digest] = children(imprint, DER.sequence);
  return {
    time: readTime(time),
    imprint: { hash: hashOf(algorithm), digest: octetsOf(digest) },
  };
}

/** None is known here (RFC 3161, section 2.4.2: a critical one refuses the timestamp). */
function assertNothingCritical(extensions: DerElement | undefined): void {
  if (extensions === undefined) return;
  for (const extension of childrenOf(extensions)) {
    const flag = childrenOf(extension).find(({ tag }) => tag === DER.boolean);
    if (flag?.content.some((byte) => byte !== 0)) throw new RangeError('the timestamp has a critical extension');
  }
}

function readSigner(info: DerElement): Pick<Timestamp, 'signerIssuer' | 'signerSerialNumber' | 'signed' | 'signature'> {
  const [version, signer, digestAlgorithm, attributes, signatureAlgorithm, signature] = children(info, DER.sequence);
  const [issuer, serialNumber] = children(signer, DER.sequence);
  // RFC 5652, section 5.3: named by issuer and serial number.
  if (smallInteger(version) !== 1) throw new RangeError('the signer is of another version');
  if (attributes?.tag !== TAG.context0 || issuer === undefined || serialNumber?.tag !== DER.integer) {
    throw new RangeError('the signer is not named by its issuer, or signed no attributes');
  }
  const hash = hashOf(digestAlgorithm);
  const type = readSingle(attributeOf(attributes, OID.contentType), DER.objectIdentifier);
  if (readOid(type.content) !== OID.tstInfo) throw new RangeError('the attributes are about another content');
  const messageDigest = readSingle(attributeOf(attributes, OID.messageDigest), DER.octetString).content;
  // What is signed is the SET itself, not its place in the structure (RFC 5652, section 5.4).
  const signed = Buffer.from(attributes.raw);
  signed[0] = TAG.set;
  return {
    signerIssuer: issuer.raw,
    signerSerialNumber: serialNumber.content,
    signed: { attributes: signed, messageDigest, hash },
    signature: { hash: signatureHash(signatureAlgorithm, hash), bytes: octetsOf(signature) },
  };
}

/** DER of the one value of the one attribute of a type. */
function attributeOf(attributes: DerElement, type: string): Buffer {
  const found = childrenOf(attributes).filter((attribute) => oidOf(child(attribute, 0)) === type);
  if (found.length !== 1) throw new RangeError(`attribute ${type} is not there once`);
  return only(child(found[0], 1), TAG.set).raw;
}

function signatureHash(algorithm: DerElement | undefined, own: string): string | null {
  const hash = SIGNATURES[oidOf(child(algorithm, 0))];
  if (hash === undefined) throw new RangeError('its signature algorithm is not known');
  return hash === 'own' ? own : hash;
}

function hashOf(algorithm: DerElement | undefined): string {
  const hash = HASHES[oidOf(child(algorithm, 0))];
  if (hash === undefined) throw new RangeError('its hash is not of SHA-2');
  return hash;
}

/** GeneralizedTime in UTC (RFC 3161, section 2.4.2); what is finer than a millisecond is cut off. */
function readTime(element: DerElement | undefined): Date {
  if (element?.tag !== TAG.generalizedTime) throw new RangeError('the timestamp has no time');
  const [, year, month, day, hour, minute, second, fraction = ''] = TIME.exec(element.content.toString('latin1')) ?? [];
  const time = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}${fraction.slice(0, 4)}Z`);
  if (Number.isNaN(time.getTime())) throw new RangeError('the time of the timestamp is not valid');
  return time;
}

function children(element: DerElement | undefined, tag: number): readonly DerElement[] {
  if (element?.tag !== tag) throw new RangeError(`an element with tag ${tag} is missing`);
  return childrenOf(element);
}

function child(element: DerElement | undefined, index: number): DerElement | undefined {
  return element === undefined ? undefined : childrenOf(element)[index];
}

function only(element: DerElement | undefined, tag: number): DerElement {
  const [first, ...others] = children(element, tag);
  if (first === undefined || others.length > 0) throw new RangeError('there is not exactly one element');
  return first;
}

function oidOf(element: DerElement | undefined): string {
  if (element?.tag !== DER.objectIdentifier) throw new RangeError('an object identifier is missing');
  return readOid(element.content);
}

function octetsOf(element: DerElement | undefined): Buffer {
  if (element?.tag !== DER.octetString) throw new RangeError('octets are missing');
  return element.content;
}

function smallInteger(element: DerElement | undefined): number {
  if (element?.tag !== DER.integer || element.content.length !== 1) throw new RangeError('a number is missing');
  return element.content[0] ?? 0;
}
