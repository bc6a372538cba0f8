import { createHash, type Hash, type Verify } from 'node:crypto';
import type { SignatureBundle } from '@sigstore/sign';
import type { SignatureHash } from './key-algorithm.js';

/** The signature of a bundle and the digest of the bytes that it covers: for an envelope that of its PAE, made without a copy. */
export function signedDigest(
  content: SignatureBundle,
  hash: SignatureHash,
): { readonly digest: Buffer; readonly signature: Buffer } {
  if (content.$case === 'messageSignature') {
    const { messageDigest, signature } = content.messageSignature;
    return { digest: messageDigest.digest, signature };
  }
  const { payloadType, payload, signatures } = content.dsseEnvelope;
  const [only] = signatures;
  if (only === undefined) throw new RangeError('there is no signature');
  return { digest: withEncoded(createHash(hash), payloadType, payload).digest(), signature: only.sig };
}

/** Feeds the PAE of an envelope to a hash or a verifier in parts: a payload may be large, and the encoding would copy it. */
export function withEncoded<T extends Hash | Verify>(sink: T, payloadType: string, payload: Uint8Array): T {
  // DSSE v1, "pre-authentication encoding".
  sink.update(`DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `);
  sink.update(payload);
  return sink;
}

/** The bare signature. */
export function signatureOf(content: SignatureBundle): Buffer {
  if (content.$case === 'messageSignature') return content.messageSignature.signature;
  const [only] = content.dsseEnvelope.signatures;
  if (only === undefined) throw new RangeError('there is no signature');
  return only.sig;
}
