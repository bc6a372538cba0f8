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
  /** SHA-256 of the key, or the key id of its checkpoints; some trusted roots name four bytes alone. */
  readonly id: Buffer;
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
  ({ baseUrl = '', publicKey, logId, checkpointKeyId }): LogKey => {
    const id = (checkpointKeyId ?? logId)?.keyId;
    if (id === undefined || id.length === 0) throw new RangeError('the log has no id');
    return { baseUrl, id, ...readKey(publicKey.rawBytes), validFor: publicKey.validFor };
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
