import { array, type Decoder, object, optional, parseJson, string } from '@paved/json';
import type { TransparencyLogEntry } from '@sigstore/bundle';
import { SigstoreError } from '../error.js';
import { WHOLE_BUNDLE } from './cures.js';

/** What an entry of a log says, in any of the kinds that a bundle may have. */
export interface LoggedSignature {
  readonly signature: Buffer;
  /** `signed`: of the bytes that the signature covers; `payload`: of the payload of the envelope. */
  readonly digestOf: 'signed' | 'payload';
  readonly digest: Buffer;
  /** DER of that under which the log verified it, as which the entry names it: who follows the log reads certificates. */
  readonly certificate?: Buffer;
  readonly publicKey?: Buffer;
}

export interface LogEntryBody {
  readonly kind: string;
  readonly version: string;
  readonly signatures: readonly LoggedSignature[];
}

const verifier = object({
  x509Certificate: optional(object({ rawBytes: string })),
  publicKey: optional(object({ rawBytes: string })),
});
const PEM = /^\s*-----BEGIN ([A-Z ]+)-----([A-Za-z0-9+/=\s]+)-----END \1-----/;
const head = object({ kind: string, apiVersion: string });
const hex = object({ value: string });
const hashedrekord1 = object({
  spec: object({
    signature: object({ content: string, publicKey: object({ content: string }) }),
    data: object({ hash: hex }),
  }),
});
const hashedrekord2 = object({
  spec: object({
    hashedRekordV002: object({ signature: object({ content: string, verifier }), data: object({ digest: string }) }),
  }),
});
const dsse1 = object({
  spec: object({ signatures: array(object({ signature: string, verifier: string })), payloadHash: hex }),
});
const dsse2 = object({
  spec: object({
    dsseV002: object({
      signatures: array(object({ content: string, verifier })),
      payloadHash: object({ digest: string }),
    }),
  }),
});
const intoto2 = object({
  spec: object({
    content: object({
      envelope: object({ signatures: array(object({ sig: string, publicKey: string })) }),
      payloadHash: hex,
    }),
  }),
});

/**
 * Reads the body of an entry of `hashedrekord`, `dsse` or `intoto`, whoever asks: what counts as signed by a bundle must be what is seen
 * of it in the log.
 * @throws {Error} for another kind, and what is not of its kind
 */
export function readLogEntryBody(bytes: Buffer): LogEntryBody {
  const text = bytes.toString('utf8');
  const { kind, apiVersion } = parseJson('the log entry', text, head);
  const read = READERS[`${kind} ${apiVersion}`];
  if (read === undefined) throw new RangeError('its kind is not known');
  return { kind, version: apiVersion, signatures: read(text) };
}

/**
 * The one signature of an entry, which has to be of the kind and version that stand outside of the signed body as well.
 * @throws {SigstoreError} `LOG_ENTRY_MISMATCH` also for several signatures
 */
export function readLoggedSignature({ canonicalizedBody, kindVersion }: TransparencyLogEntry): LoggedSignature {
  try {
    const { kind, version, signatures } = readLogEntryBody(canonicalizedBody);
    if (kind !== kindVersion.kind || version !== kindVersion.version) throw new RangeError('it is of another kind');
    const [only, ...others] = signatures;
    if (only === undefined || others.length > 0) throw new RangeError('it has not exactly one signature');
    return only;
  } catch (cause) {
    throw new SigstoreError('LOG_ENTRY_MISMATCH', 'Cannot read the log entry', { cause, hint: WHOLE_BUNDLE });
  }
}

type Reader = (text: string) => readonly LoggedSignature[];

function reader<T>(decoder: Decoder<T>, take: (body: T) => readonly LoggedSignature[]): Reader {
  return (text) => take(parseJson('the log entry', text, decoder));
}

const READERS: Readonly<Record<string, Reader>> = {
  'hashedrekord 0.0.1': reader(hashedrekord1, ({ spec: { signature, data } }) => [
    {
      signature: base64(signature.content),
      digestOf: 'signed',
      digest: Buffer.from(data.hash.value, 'hex'),
      ...pem(signature.publicKey.content),
    },
  ]),
  'hashedrekord 0.0.2': reader(hashedrekord2, ({ spec: { hashedRekordV002: record } }) => [
    {
      signature: base64(record.signature.content),
      digestOf: 'signed',
      digest: base64(record.data.digest),
      ...raw(record.signature.verifier),
    },
  ]),
  'dsse 0.0.1': reader(dsse1, ({ spec }) =>
    spec.signatures.map((one) => ({
      signature: base64(one.signature),
      digestOf: 'payload',
      digest: Buffer.from(spec.payloadHash.value, 'hex'),
      ...pem(one.verifier),
    })),
  ),
  'dsse 0.0.2': reader(dsse2, ({ spec: { dsseV002 } }) =>
    dsseV002.signatures.map((one) => ({
      signature: base64(one.content),
      digestOf: 'payload',
      digest: base64(dsseV002.payloadHash.digest),
      ...raw(one.verifier),
    })),
  ),
  'intoto 0.0.2': reader(intoto2, ({ spec: { content } }) =>
    content.envelope.signatures.map((one) => ({
      // The log encodes once more what was encoded already.
      signature: base64(base64(one.sig).toString()),
      digestOf: 'payload',
      digest: Buffer.from(content.payloadHash.value, 'hex'),
      ...pem(one.publicKey),
    })),
  ),
};

type Signer = Pick<LoggedSignature, 'certificate' | 'publicKey'>;

function raw({ x509Certificate, publicKey }: ReturnType<typeof verifier>): Signer {
  return {
    ...(x509Certificate === undefined ? {} : { certificate: base64(x509Certificate.rawBytes) }),
    ...(publicKey === undefined ? {} : { publicKey: base64(publicKey.rawBytes) }),
  };
}

/** The first of a chain is the one under which the log verified the signature. */
function pem(content: string): Signer {
  const [, label, encoded = ''] = PEM.exec(base64(content).toString()) ?? [];
  if (label === 'CERTIFICATE') return { certificate: base64(encoded) };
  return label === 'PUBLIC KEY' ? { publicKey: base64(encoded) } : {};
}

function base64(text: string): Buffer {
  return Buffer.from(text, 'base64');
}
