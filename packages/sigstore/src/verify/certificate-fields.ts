import { X509Certificate } from 'node:crypto';
import { childrenOf, DER, type DerElement, encodeElement, readOid, readSingle } from '../der.js';

/** One certificate, read but not verified: what Node reads, and the bytes that it does not give. */
export interface Certificate {
  readonly der: Buffer;
  readonly native: X509Certificate;
  /** Content of the INTEGER. */
  readonly serialNumber: Buffer;
  /** DER of the names; names are equal when their bytes are. */
  readonly issuer: Buffer;
  readonly subject: Buffer;
  /** SubjectPublicKeyInfo as it stands in the certificate. */
  readonly spki: Buffer;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** By OID; the content of their OCTET STRING. */
  readonly extensions: ReadonlyMap<string, Extension>;
}

export interface Extension {
  readonly critical: boolean;
  readonly value: Buffer;
  /** Where it stands, for a certificate without it. */
  readonly element: DerElement;
}

/** Those of Fulcio have two thousand; what is read of one is kept for the next bundle. */
const MAX_BYTES = 64 * 1024;
const TAG_VERSION = 0xa0;
const TAG_EXTENSIONS = 0xa3;

/**
 * Reads one certificate (RFC 5280, section 4.1).
 * @param bytes DER; a string is PEM
 * @throws {Error} for anything else, for an extension that is there twice, and for bytes that only one of two readers sees
 */
export function readCertificate(bytes: Buffer | string): Certificate {
  if (bytes.length > MAX_BYTES) throw new RangeError(`it has more than ${MAX_BYTES} bytes`);
  const native = new X509Certificate(bytes);
  const der = native.raw;
  // Node looks for PEM first, wherever it stands in the bytes, and reads DER no further than to its end.
  if (typeof bytes !== 'string' && !der.equals(bytes)) throw new RangeError('it is not one certificate in DER');
  const fields = tbsFields(der);
  const [serialNumber, , issuer, , subject, spki] = fields[0]?.tag === TAG_VERSION ? fields.slice(1) : fields;
  if (serialNumber?.tag !== DER.integer || issuer === undefined || subject === undefined || spki === undefined) {
    throw new RangeError('a field of the certificate is missing');
  }
  return {
    der,
    native,
    serialNumber: serialNumber.content,
    issuer: issuer.raw,
    subject: subject.raw,
    spki: spki.raw,
    notBefore: new Date(native.validFrom),
    notAfter: new Date(native.validTo),
    extensions: readExtensions(fields.find(({ tag }) => tag === TAG_EXTENSIONS)),
  };
}

/** The signed part without one extension, in new lengths (RFC 6962, section 3.2: the TBSCertificate that a log promised). */
export function signedPartWithout({ der, extensions }: Certificate, oid: string): Buffer {
  const dropped = extensions.get(oid)?.element.raw;
  const fields = tbsFields(der).map((field) => {
    if (field.tag !== TAG_EXTENSIONS) return field.raw;
    const kept = childrenOf(readSingle(field.content, DER.sequence)).filter(({ raw }) => dropped?.equals(raw) !== true);
    return encodeElement(TAG_EXTENSIONS, encodeElement(DER.sequence, ...kept.map(({ raw }) => raw)));
  });
  return encodeElement(DER.sequence, ...fields);
}

export function validAt({ notBefore, notAfter }: Certificate, time: Date): boolean {
  return notBefore <= time && time <= notAfter;
}

function tbsFields(der: Buffer): readonly DerElement[] {
  const [tbs] = childrenOf(readSingle(der, DER.sequence));
  if (tbs?.tag !== DER.sequence) throw new RangeError('the certificate has no signed part');
  return childrenOf(tbs);
}

function readExtensions(wrapper: DerElement | undefined): ReadonlyMap<string, Extension> {
  const result = new Map<string, Extension>();
  if (wrapper === undefined) return result;
  for (const element of childrenOf(readSingle(wrapper.content, DER.sequence))) {
    const [oid, extension] = readExtension(element);
    // Two values for one name: which one a verifier takes is a matter of luck.
    if (result.has(oid)) throw new RangeError(`extension ${oid} is there twice`);
    result.set(oid, extension);
  }
  return result;
}

function readExtension(element: DerElement): readonly [string, Extension] {
  const parts = childrenOf(element);
  const [oid] = parts;
  const value = parts.at(-1);
  const flag = parts.length === 3 ? parts[1] : undefined;
  const isWhole = parts.length === 2 || (flag?.tag === DER.boolean && flag.content.length === 1);
  if (!isWhole || oid?.tag !== DER.objectIdentifier || value?.tag !== DER.octetString) {
    throw new RangeError('an extension is not valid');
  }
  return [readOid(oid.content), { critical: (flag?.content[0] ?? 0) !== 0, value: value.content, element }];
}
