import { createHash } from 'node:crypto';
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
  const type = Buffer.from(payloadType);
  // DSSE v1, "pre-authentication encoding".
  const digest = createHash(hash)
    .update(`DSSEv1 ${type.length} `)
    .update(type)
    .update(` ${payload.length} `)
    .update(payload)
    .digest();
  return { digest, signature: only.sig };
}

/** The bare signature. */
export function signatureOf(content: SignatureBundle): Buffer {
  if (content.$case === 'messageSignature') return content.messageSignature.signature;
  const [only] = content.dsseEnvelope.signatures;
  if (only === undefined) throw new RangeError('there is no signature');
  return only.sig;
}
