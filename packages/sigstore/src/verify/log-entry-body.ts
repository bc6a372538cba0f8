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
  /** DER of the certificate or key under which the log verified it; absent where the entry names none. */
  readonly signer?: Buffer;
}

const verifier = object({
  x509Certificate: optional(object({ rawBytes: string })),
  publicKey: optional(object({ rawBytes: string })),
});
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
 * Reads the body of an entry of `hashedrekord`, `dsse` or `intoto`, as its kind and version outside of the signed body name it as well.
 * @throws {SigstoreError} `LOG_ENTRY_MISMATCH` also for another kind, and for several signatures
 */
export function readLogEntryBody({ canonicalizedBody, kindVersion }: TransparencyLogEntry): LoggedSignature {
  const text = canonicalizedBody.toString('utf8');
  try {
    const { kind, apiVersion } = parseJson('the log entry', text, head);
    if (kind !== kindVersion.kind || apiVersion !== kindVersion.version) throw new RangeError('it is of another kind');
    const read = READERS[`${kind} ${apiVersion}`];
    if (read === undefined) throw new RangeError('its kind is not known');
    return read(text);
  } catch (cause) {
    throw new SigstoreError('LOG_ENTRY_MISMATCH', 'Cannot read the log entry', { cause, hint: WHOLE_BUNDLE });
  }
}

function reader<T>(decoder: Decoder<T>, take: (body: T) => LoggedSignature): (text: string) => LoggedSignature {
  return (text) => take(parseJson('the log entry', text, decoder));
}

const READERS: Readonly<Record<string, (text: string) => LoggedSignature>> = {
  'hashedrekord 0.0.1': reader(hashedrekord1, ({ spec: { signature, data } }) => ({
    signature: base64(signature.content),
    digestOf: 'signed',
    digest: Buffer.from(data.hash.value, 'hex'),
    signer: pem(signature.publicKey.content),
  })),
  'hashedrekord 0.0.2': reader(hashedrekord2, ({ spec: { hashedRekordV002: record } }) => ({
    signature: base64(record.signature.content),
    digestOf: 'signed',
    digest: base64(record.data.digest),
    ...raw(record.signature.verifier),
  })),
  'dsse 0.0.1': reader(dsse1, ({ spec }) => {
    const only = single(spec.signatures);
    return {
      signature: base64(only.signature),
      digestOf: 'payload',
      digest: Buffer.from(spec.payloadHash.value, 'hex'),
      signer: pem(only.verifier),
    };
  }),
  'dsse 0.0.2': reader(dsse2, ({ spec: { dsseV002 } }) => {
    const only = single(dsseV002.signatures);
    return {
      signature: base64(only.content),
      digestOf: 'payload',
      digest: base64(dsseV002.payloadHash.digest),
      ...raw(only.verifier),
    };
  }),
  'intoto 0.0.2': reader(intoto2, ({ spec: { content } }) => {
    const only = single(content.envelope.signatures);
    return {
      // The log encodes once more what was encoded already.
      signature: base64(base64(only.sig).toString()),
      digestOf: 'payload',
      digest: Buffer.from(content.payloadHash.value, 'hex'),
      signer: pem(only.publicKey),
    };
  }),
};

function single<T>([only, ...others]: readonly T[]): T {
  if (only === undefined || others.length > 0) throw new RangeError('it has not exactly one signature');
  return only;
}

function raw({ x509Certificate, publicKey }: ReturnType<typeof verifier>): { readonly signer?: Buffer } {
  const bytes = (x509Certificate ?? publicKey)?.rawBytes;
  return bytes === undefined ? {} : { signer: base64(bytes) };
}

function base64(text: string): Buffer {
  return Buffer.from(text, 'base64');
}

function pem(content: string): Buffer {
  return base64(
    base64(content)
      .toString()
      .replaceAll(/-----[A-Z ]+-----|\s/g, ''),
  );
}
