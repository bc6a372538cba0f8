import { createHash } from 'node:crypto';
import { type KmsExchange, type KmsReply, nowOf } from './start-kms.js';

/** `TrentService` of AWS KMS: JSON 1.1 over POST with Signature Version 4, of which the shape is looked at here. */
export function answerAws({ headers, body, key, faults, sign }: KmsExchange): KmsReply {
  const credential =
    /^AWS4-HMAC-SHA256 Credential=AKIDTEST\/\d{8}\/eu-central-1\/kms\/aws4_request, SignedHeaders=[a-z0-9;-]*host[a-z0-9;-]*, Signature=[0-9a-f]{64}$/;
  const timing = timeRefusal(String(headers['x-amz-date'] ?? ''), nowOf(faults));
  if (timing !== undefined) return timing;
  if (faults.denied) return refusal('AccessDeniedException');
  if (!credential.test(headers.authorization ?? '')) return refusal('IncompleteSignatureException');
  if (headers['x-amz-security-token'] !== 'session-of-a-test') return refusal('UnrecognizedClientException');
  if (faults.missing) return refusal('NotFoundException');
  const algorithms: readonly string[] = {
    p256: ['ECDSA_SHA_256'],
    rsa: RSA,
    ed25519: ['ED25519_SHA_512'],
    encryption: [],
  }[key.kind];
  if (headers['x-amz-target'] === 'TrentService.GetPublicKey') {
    const der = key.publicKey.export({ format: 'der', type: 'spki' });
    return { status: 200, body: { PublicKey: der.toString('base64'), SigningAlgorithms: algorithms } };
  }
  if (faults.disabled) return refusal('com.amazonaws.kms#DisabledException');
  const chosen = String(body.SigningAlgorithm);
  if (!algorithms.includes(chosen) || (body.MessageType !== 'DIGEST' && body.MessageType !== 'RAW'))
    return refusal('InvalidKeyUsageException');
  const message = Buffer.from(String(body.Message), 'base64');
  if (message.length > 4096) return refusal('ValidationException');
  const digest = body.MessageType === 'RAW' ? createHash('sha256').update(message).digest() : message;
  const signature = sign(digest, chosen.includes('PSS') ? 'pss' : 'pkcs1');
  return { status: 200, body: { Signature: signature.toString('base64') } };
}

const RSA = ['RSASSA_PSS_SHA_256', 'RSASSA_PKCS1_V1_5_SHA_256'];

const TOLERANCE_MS = 300_000;

/** In the service's own words, as users quote them (aws-sdk-js#1652, amazon-kinesis-producer#222). */
function timeRefusal(signedAt: string, now: number): KmsReply | undefined {
  const at = Date.parse(signedAt.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  const early = now - TOLERANCE_MS;
  const late = now + TOLERANCE_MS;
  if (at < early) {
    const limit = `${compact(early)} (${compact(now)} - 5 min.)`;
    return refusal('InvalidSignatureException', `Signature expired: ${signedAt} is now earlier than ${limit}`);
  }
  if (at <= late) return undefined;
  const limit = `${compact(late)} (${compact(now)} + 5 min.)`;
  return refusal('InvalidSignatureException', `Signature not yet current: ${signedAt} is still later than ${limit}`);
}

function compact(at: number): string {
  return new Date(at).toISOString().replaceAll(/[-:]|\.\d{3}/g, '');
}

function refusal(type: string, message = 'refused'): KmsReply {
  return { status: 400, body: { __type: type, message } };
}
