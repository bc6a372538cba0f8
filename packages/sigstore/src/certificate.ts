import type { KeyObject } from 'node:crypto';
import { childrenOf, DER, type DerElement, readOid, readSingle } from './der.js';
import { SigstoreError } from './error.js';
import {
  type CertificateExtensions,
  EXTENSION_NAMES,
  type ExtensionName,
  LEGACY_EXTENSION_NAMES,
} from './extensions.js';
import { type Certificate, type Extension, readCertificate } from './verify/certificate-fields.js';
import { OID_SUBJECT_ALTERNATIVE_NAME } from './verify/certificate-path.js';

const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';
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
  readonly fields: Certificate;
}

/** All bundles of a release have the same certificate; what is read out of it, its bytes alone decide. */
const MAX_KNOWN = 16;
const known = new Map<string, SigningCertificate>();

/**
 * Reads a certificate from DER, or from PEM where that is a string.
 * @throws {SigstoreError} `CERTIFICATE_MALFORMED` for other bytes, a repeated extension, an extension that contradicts its
 *   deprecated form, or anything but exactly one subject alternative name of the given kinds
 */
export function parseSigningCertificate(bytes: Buffer | string, kinds: SanKinds = 'uri'): SigningCertificate {
  const key = `${typeof bytes} ${kinds} ${bytes.toString('base64')}`;
  const read = known.get(key) ?? readSigningCertificate(bytes, kinds);
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(key, read);
  return read;
}

function readSigningCertificate(bytes: Buffer | string, kinds: SanKinds): SigningCertificate {
  try {
    const fields = readCertificate(bytes);
    const { native, extensions, notBefore, notAfter, der } = fields;
    return {
      fields,
      san: readSan(extensions.get(OID_SUBJECT_ALTERNATIVE_NAME)?.value, kinds),
      extensions: readExtensions(extensions),
      notBefore,
      notAfter,
      publicKey: native.publicKey,
      // Node names extended key usages like this; absent where the certificate limits nothing.
      isForCodeSigning: !native.ca && native.keyUsage?.includes(CODE_SIGNING) === true,
      der,
      get pem() {
        return native.toString();
      },
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

function readExtensions(raw: ReadonlyMap<string, Extension>): CertificateExtensions {
  const result: { -readonly [Name in ExtensionName]?: string } = {};
  for (const [oid, name] of Object.entries(EXTENSION_NAMES)) {
    const value = raw.get(oid)?.value;
    if (value !== undefined) result[name] = utf8(readSingle(value, DER.utf8String).content);
  }
  for (const [oid, name] of Object.entries(LEGACY_EXTENSION_NAMES)) {
    const value = raw.get(oid)?.value;
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
