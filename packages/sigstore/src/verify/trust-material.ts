import { createPublicKey, type KeyObject } from 'node:crypto';
import { array, object, optional, refine, string } from '@paved/json';
import { type Certificate, readCertificate } from './certificate-fields.js';

export interface Period {
  readonly start: Date;
  readonly end: Date;
}

/** Certificates of one authority, from the one that issues to the self-signed one. */
export interface Authority {
  readonly chain: readonly Certificate[];
  readonly validFor: Period;
}

/** The key of a transparency log, of entries or of certificates. */
export interface LogKey {
  readonly baseUrl: string;
  /** The key id of its checkpoints, or SHA-256 of the key where that is it; some trusted roots name four bytes alone. */
  readonly id: Buffer;
  /** By which entries and promises name it; absent where the trusted root has the other alone. */
  readonly logId?: Buffer;
  readonly publicKey: KeyObject;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Buffer;
  readonly validFor: Period;
}

export interface TrustMaterial {
  readonly certificateAuthorities: readonly Authority[];
  readonly timestampAuthorities: readonly Authority[];
  readonly tlogs: readonly LogKey[];
  readonly ctlogs: readonly LogKey[];
}

const END_OF_TIME = new Date(8.64e15);

const bytes = refine(string, (text) => Buffer.from(text, 'base64'));
const time = refine(string, (text) => {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) throw new RangeError('it is no time');
  return date;
});
const period = refine(object({ start: time, end: optional(time) }), ({ start, end = END_OF_TIME }) => ({ start, end }));
const keyId = object({ keyId: bytes });
const log = refine(
  object({
    baseUrl: optional(string),
    publicKey: object({ rawBytes: bytes, validFor: period }),
    logId: optional(keyId),
    checkpointKeyId: optional(keyId),
  }),
  ({ baseUrl = '', publicKey, logId: named, checkpointKeyId }): LogKey => {
    const logId = named?.keyId;
    const id = checkpointKeyId?.keyId ?? logId;
    if (id === undefined || id.length === 0 || logId?.length === 0) throw new RangeError('the log has no id');
    const ids = { id, ...(logId === undefined ? {} : { logId }) };
    return { baseUrl, ...ids, ...readKey(publicKey.rawBytes), validFor: publicKey.validFor };
  },
);
const authority = refine(
  object({ certChain: object({ certificates: array(object({ rawBytes: bytes })) }), validFor: period }),
  ({ certChain, validFor }): Authority => {
    if (certChain.certificates.length === 0) throw new RangeError('the chain is empty');
    return { chain: certChain.certificates.map(({ rawBytes }) => readCertificate(rawBytes)), validFor };
  },
);

/** Members of a `trusted_root.json`; what is not there is empty. */
export const trustMaterialDecoder = refine(
  object({
    certificateAuthorities: array(authority),
    timestampAuthorities: optional(array(authority)),
    tlogs: optional(array(log)),
    ctlogs: optional(array(log)),
  }),
  ({ certificateAuthorities, timestampAuthorities = [], tlogs = [], ctlogs = [] }): TrustMaterial => {
    if (certificateAuthorities.length === 0) throw new RangeError('it names no certificate authority');
    return { certificateAuthorities, timestampAuthorities, tlogs, ctlogs };
  },
);

/** Whether an entry or a promise with this id is of the log. */
export function isNamed({ id, logId }: LogKey, name: Uint8Array): boolean {
  return id.equals(name) || logId?.equals(name) === true;
}

export function isWithin({ start, end }: Period, time: Date): boolean {
  return start <= time && time <= end;
}

/** The oldest logs of certificates have a bare RSA key (PKCS #1); all others a SubjectPublicKeyInfo. */
function readKey(der: Buffer): Pick<LogKey, 'publicKey' | 'spki'> {
  try {
    return { publicKey: createPublicKey({ key: der, format: 'der', type: 'spki' }), spki: der };
  } catch {
    const publicKey = createPublicKey({ key: der, format: 'der', type: 'pkcs1' });
    return { publicKey, spki: publicKey.export({ format: 'der', type: 'spki' }) };
  }
}
