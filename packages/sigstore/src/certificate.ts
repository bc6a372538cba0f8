import { type KeyObject, X509Certificate } from 'node:crypto';
import { childrenOf, DER, type DerElement, readOid, readSingle } from './der.js';
import { SigstoreError } from './error.js';
import {
  type CertificateExtensions,
  EXTENSION_NAMES,
  type ExtensionName,
  LEGACY_EXTENSION_NAMES,
} from './extensions.js';

const OID_SUBJECT_ALTERNATIVE_NAME = '2.5.29.17';
const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';
const TAG_EXTENSIONS = 0xa3;
const TAG_GENERAL_NAME_OTHER = 0xa0;
const TAG_GENERAL_NAME_EMAIL = 0x81;
const TAG_GENERAL_NAME_URI = 0x86;
const OID_FULCIO_USER_NAME = '1.3.6.1.4.1.57264.1.7';

/** Which subject alternative names are read: a workflow has a URI; a person's certificate has an e-mail address or a user name. */
export type SanKinds = 'uri' | 'any';

/** A leaf certificate of Fulcio, read but not verified. `san` is its one name. */
export interface SigningCertificate {
  readonly san: string;
  readonly extensions: CertificateExtensions;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly publicKey: KeyObject;
  /** Whether its extended key usage names this purpose, and it is not one of an authority. */
  readonly isForCodeSigning: boolean;
  readonly der: Buffer;
  readonly pem: string;
}

/**
 * Reads a certificate from DER or PEM.
 * @throws {SigstoreError} `CERTIFICATE_MALFORMED` for other bytes, a repeated extension, an extension that contradicts its
 *   deprecated form, or anything but exactly one subject alternative name of the given kinds
 */
export function parseSigningCertificate(bytes: Buffer | string, kinds: SanKinds = 'uri'): SigningCertificate {
  try {
    const certificate = new X509Certificate(bytes);
    const extensions = rawExtensions(certificate.raw);
    return {
      san: readSan(extensions.get(OID_SUBJECT_ALTERNATIVE_NAME), kinds),
      extensions: readExtensions(extensions),
      notBefore: new Date(certificate.validFrom),
      notAfter: new Date(certificate.validTo),
      publicKey: certificate.publicKey,
      // Node names extended key usages like this; absent where the certificate limits nothing.
      isForCodeSigning: !certificate.ca && certificate.keyUsage?.includes(CODE_SIGNING) === true,
      der: certificate.raw,
      pem: certificate.toString(),
    };
  } catch (cause) {
    throw new SigstoreError('CERTIFICATE_MALFORMED', 'Cannot read the signing certificate', { cause });
  }
}

/**
 * A certificate of the same authority for another purpose (a server, a person's mail) signs nothing here (RFC 5280, section 4.2.1.12;
 * Fulcio writes code signing into every certificate).
 * @throws {SigstoreError} `CERTIFICATE_MALFORMED`
 */
export function assertForCodeSigning({ isForCodeSigning }: SigningCertificate): void {
  if (isForCodeSigning) return;
  throw new SigstoreError('CERTIFICATE_MALFORMED', 'Cannot accept the certificate: it is not one for signing code', {
    hint: 'Sign with a certificate of Fulcio',
  });
}

function rawExtensions(der: Buffer): ReadonlyMap<string, Buffer> {
  const [tbs] = childrenOf(readSingle(der, DER.sequence));
  const wrapper = tbs === undefined ? undefined : childrenOf(tbs).find(({ tag }) => tag === TAG_EXTENSIONS);
  const result = new Map<string, Buffer>();
  if (wrapper === undefined) return result;
  for (const extension of childrenOf(readSingle(wrapper.content, DER.sequence))) {
    const [oid, value] = readExtension(extension);
    // Two values for one name: which one a verifier takes is a matter of luck.
    if (result.has(oid)) throw new RangeError(`extension ${oid} is there twice`);
    result.set(oid, value);
  }
  return result;
}

function readExtension(extension: DerElement): readonly [string, Buffer] {
  const parts = childrenOf(extension);
  const oid = parts[0];
  const value = parts.at(-1);
  if (oid?.tag !== DER.objectIdentifier || value?.tag !== DER.octetString)
    throw new RangeError('an extension is not valid');
  return [readOid(oid.content), value.content];
}

function readSan(value: Buffer | undefined, kinds: SanKinds): string {
  if (value === undefined) throw new RangeError('it has no subject alternative name');
  const [name, ...others] = childrenOf(readSingle(value, DER.sequence));
  if (name === undefined || others.length > 0) throw new RangeError('it has not exactly one subject alternative name');
  if (name.tag === TAG_GENERAL_NAME_URI) return utf8(name.content);
  if (kinds === 'any' && name.tag === TAG_GENERAL_NAME_EMAIL) return utf8(name.content);
  if (kinds === 'any' && name.tag === TAG_GENERAL_NAME_OTHER) return readUserName(name);
  throw new RangeError('its subject alternative name is not a URI');
}

/** otherName with Fulcio's own type (its docs/oid-info.md), a UTF8String. */
function readUserName(name: DerElement): string {
  const [type, wrapper] = childrenOf(name);
  if (type?.tag !== DER.objectIdentifier || readOid(type.content) !== OID_FULCIO_USER_NAME || wrapper === undefined) {
    throw new RangeError('its subject alternative name is of an unknown type');
  }
  return utf8(readSingle(wrapper.content, DER.utf8String).content);
}

function readExtensions(raw: ReadonlyMap<string, Buffer>): CertificateExtensions {
  const result: { -readonly [Name in ExtensionName]?: string } = {};
  for (const [oid, name] of Object.entries(EXTENSION_NAMES)) {
    const value = raw.get(oid);
    if (value !== undefined) result[name] = utf8(readSingle(value, DER.utf8String).content);
  }
  for (const [oid, name] of Object.entries(LEGACY_EXTENSION_NAMES)) {
    const value = raw.get(oid);
    if (value === undefined) continue;
    const legacy = utf8(value);
    if ((result[name] ?? legacy) !== legacy) throw new RangeError(`extension ${oid} contradicts its successor`);
    // Certificates from before 2023 carry the deprecated issuer alone.
    if (name === 'issuer') result[name] = legacy;
  }
  return result;
}

function utf8(bytes: Buffer): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
}
