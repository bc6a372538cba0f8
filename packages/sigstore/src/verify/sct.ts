import { createHash, verify } from 'node:crypto';
import { DER, readSingle } from '../der.js';
import { SigstoreError } from '../error.js';
import { type Certificate, signedPartWithout } from './certificate-fields.js';
import { OWN_ROOT } from './cures.js';
import { isNamed, isWithin, type LogKey } from './trust-material.js';

/** A log's promise to show the certificate (RFC 6962, section 3.2). */
interface SignedCertificateTimestamp {
  readonly logId: Buffer;
  readonly time: Buffer;
  readonly extensions: Buffer;
  readonly signature: Buffer;
}

const OID_SCT_LIST = '1.3.6.1.4.1.11129.2.4.2';
const V1 = 0;
const CERTIFICATE_TIMESTAMP = 0;
const PRECERT_ENTRY = 1;
/** RFC 5246, section 7.4.1.4.1; RFC 6962, section 2.1.4, allows no other hash. */
const SHA256 = 4;

/** What verified, for the other bundles of a certificate: it does not depend on what was signed, or when. */
const known = new WeakMap<Certificate, { readonly issuer: Certificate; readonly ctlogs: readonly LogKey[] }>();

/**
 * Every promise in the certificate has to be one of a log of the trusted root, of a time at which its key was valid. A trusted root
 * without logs of certificates is that of an instance that has none: the root decides, never the bundle.
 * @throws {SigstoreError} `SCT_MISSING`, `SCT_INVALID`
 */
export function verifyScts(leaf: Certificate, issuer: Certificate, ctlogs: readonly LogKey[]): void {
  const verified = known.get(leaf);
  if (verified?.issuer === issuer && verified.ctlogs === ctlogs) return;
  verifyAll(leaf, issuer, ctlogs);
  known.set(leaf, { issuer, ctlogs });
}

function verifyAll(leaf: Certificate, issuer: Certificate, ctlogs: readonly LogKey[]): void {
  const list = leaf.extensions.get(OID_SCT_LIST);
  const scts = list === undefined ? [] : readList(list.value);
  if (scts.length === 0) {
    if (ctlogs.length === 0) return;
    throw new SigstoreError(
      'SCT_MISSING',
      'Cannot accept the certificate: it has no promise of a log of certificates',
      { hint: OWN_ROOT },
    );
  }
  const precertificate = [
    createHash('sha256').update(issuer.spki).digest(),
    prefixed(3, signedPartWithout(leaf, OID_SCT_LIST)),
  ];
  for (const sct of scts) {
    if (ctlogs.some((log) => isFrom(log, sct, precertificate))) continue;
    throw new SigstoreError('SCT_INVALID', "Cannot accept the certificate: a log's promise in it does not verify", {
      hint: OWN_ROOT,
    });
  }
}

function isFrom(log: LogKey, sct: SignedCertificateTimestamp, precertificate: Buffer[]): boolean {
  const { publicKey, validFor } = log;
  if (!isNamed(log, sct.logId) || !isWithin(validFor, new Date(Number(sct.time.readBigUInt64BE())))) return false;
  const signed = Buffer.concat([
    Buffer.from([V1, CERTIFICATE_TIMESTAMP]),
    sct.time,
    Buffer.from([0, PRECERT_ENTRY]),
    ...precertificate,
    prefixed(2, sct.extensions),
  ]);
  try {
    return verify('sha256', signed, publicKey, sct.signature);
  } catch {
    return false;
  }
}

function readList(value: Buffer): readonly SignedCertificateTimestamp[] {
  try {
    const list = new Reader(readSingle(value, DER.octetString).content);
    const entries = new Reader(list.vector());
    list.end();
    const scts: SignedCertificateTimestamp[] = [];
    while (!entries.isAtEnd()) scts.push(readSct(entries.vector()));
    return scts;
  } catch (cause) {
    throw new SigstoreError('SCT_INVALID', "Cannot read the logs' promises in the certificate", {
      cause,
      hint: OWN_ROOT,
    });
  }
}

function readSct(bytes: Buffer): SignedCertificateTimestamp {
  const reader = new Reader(bytes);
  const [version] = reader.take(1);
  const [logId, time, extensions] = [reader.take(32), reader.take(8), reader.vector()];
  const [hash] = reader.take(2);
  const signature = reader.vector();
  reader.end();
  if (version !== V1 || hash !== SHA256) throw new RangeError('its version or its hash is not known');
  return { logId, time, extensions, signature };
}

function prefixed(lengthBytes: number, content: Buffer): Buffer {
  const length = Buffer.alloc(lengthBytes);
  length.writeUIntBE(content.length, 0, lengthBytes);
  return Buffer.concat([length, content]);
}

/** Structures of TLS (RFC 5246, section 4). */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  take(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError('it is cut off');
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  /** opaque<0..2^16-1> */
  vector(): Buffer {
    return this.take(this.take(2).readUInt16BE());
  }

  isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  end(): void {
    if (!this.isAtEnd()) throw new RangeError('it has bytes behind its end');
  }
}
