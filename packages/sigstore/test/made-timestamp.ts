import { createHash, type KeyObject, sign } from 'node:crypto';
import { encodeElement } from '../src/der.js';
import { ECDSA_SHA256, integer, name, octets, oid, sequence } from './made-certificates.js';

const SHA256 = sequence(oid('608648016503040201'));
const TST_INFO = '2a864886f70d0109100104';
const set = (...parts: readonly Buffer[]) => encodeElement(0x31, ...parts);
const attribute = (type: string, ...values: readonly Buffer[]) => sequence(oid(type), set(...values));

/** Each part as RFC 3161 has it, unless a test says otherwise. */
export interface TimestampParts {
  readonly data: Buffer;
  readonly key: KeyObject;
  readonly issuer: string;
  readonly serialNumber: Buffer;
  readonly time?: string;
  readonly status?: number;
  readonly tokenType?: string;
  readonly dataVersion?: number;
  readonly contentType?: string;
  readonly infoVersion?: number;
  readonly imprint?: Buffer;
  readonly imprintHash?: Buffer;
  readonly infoExtensions?: readonly Buffer[];
  readonly signerVersion?: number;
  readonly signerHash?: Buffer;
  readonly attributes?: (content: Buffer) => readonly Buffer[];
  readonly signatureAlgorithm?: Buffer;
  readonly signers?: number;
}

export const CONTENT_TYPE = attribute('2a864886f70d010903', oid(TST_INFO));
export const OTHER_CONTENT_TYPE = attribute('2a864886f70d010903', oid('2a864886f70d010701'));
export const messageDigest = (content: Buffer) => attribute('2a864886f70d010904', octets(sha256(content)));

/** GeneralizedTime of now. */
export const NOW = () => `${new Date().toISOString().replaceAll(/\D/g, '').slice(0, 14)}Z`;

/** RFC 3161, section 2.4.2, with the structures of RFC 5652. */
export function timestamp(parts: TimestampParts): Buffer {
  const content = tstInfo(parts);
  const attributes = (parts.attributes ?? ((bytes) => [CONTENT_TYPE, messageDigest(bytes)]))(content);
  const signature = sign('sha256', set(...attributes), parts.key);
  const signer = sequence(
    integer(parts.signerVersion ?? 1),
    sequence(name(parts.issuer), integer(...parts.serialNumber)),
    parts.signerHash ?? SHA256,
    encodeElement(0xa0, ...attributes),
    parts.signatureAlgorithm ?? ECDSA_SHA256,
    octets(signature),
  );
  const data = sequence(
    integer(parts.dataVersion ?? 3),
    set(SHA256),
    sequence(oid(parts.contentType ?? TST_INFO), encodeElement(0xa0, octets(content))),
    set(...Array.from({ length: parts.signers ?? 1 }, () => signer)),
  );
  const token = sequence(oid(parts.tokenType ?? '2a864886f70d010702'), encodeElement(0xa0, data));
  return sequence(sequence(integer(parts.status ?? 0)), token);
}

function tstInfo({
  data,
  time = NOW(),
  infoVersion = 1,
  imprint,
  imprintHash,
  infoExtensions,
}: TimestampParts): Buffer {
  return sequence(
    integer(infoVersion),
    oid('2a0304'),
    sequence(imprintHash ?? SHA256, octets(imprint ?? sha256(data))),
    integer(5),
    encodeElement(0x18, Buffer.from(time)),
    ...(infoExtensions === undefined ? [] : [encodeElement(0xa1, ...infoExtensions)]),
  );
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
