import { array, type Decoder, nullable, object, optional, parseJson, string, unknown } from '@paved/json';
import type { KeyAlgorithm, RsaPadding } from '../key-algorithm.js';
import { type AwsCredentials, signAwsRequest } from './aws-signature.js';
import { KmsKey, kmsPublicKey, spki } from './kms-key.js';
import { askKms, type KmsRefusal } from './kms-request.js';
import type { KmsOptions } from './open-kms-key.js';

export interface AwsKeyName {
  readonly keyId: string;
  readonly region: string;
  readonly endpoint: URL;
}

const NAMES: Readonly<Partial<Record<KeyAlgorithm, string>>> = {
  'ecdsa-p256-sha256': 'ECDSA_SHA_256',
  'ecdsa-p384-sha384': 'ECDSA_SHA_384',
  'rsa-pss-sha256': 'RSASSA_PSS_SHA_256',
  'rsa-pkcs1-sha256': 'RSASSA_PKCS1_V1_5_SHA_256',
};

/** What the service hashes itself; of more it takes the digest. */
const MAX_RAW_BYTES = 4096;

const publicKeyAnswer = object({ PublicKey: string, SigningAlgorithms: optional(nullable(array(string))) });
const signatureAnswer = object({ Signature: string });
/** The service writes `message` or `Message`. */
const errorAnswer = object({ __type: string, message: optional(unknown), Message: optional(unknown) });

/** A key of AWS KMS, by key ARN, key id or alias; asks `GetPublicKey` once and `Sign` for each signature. */
export async function openAwsKey(name: AwsKeyName, options: KmsOptions, credentials: AwsCredentials): Promise<KmsKey> {
  const ask = async <T>(action: string, parameters: object, decoder: Decoder<T>): Promise<T> => {
    const body = JSON.stringify({ KeyId: name.keyId, ...parameters });
    const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `TrentService.${action}` };
    const { region, endpoint: url } = name;
    const signed = signAwsRequest({ url, region, service: 'kms', headers, body, at: new Date() }, credentials);
    const request = { method: 'POST', url, headers: signed, body } as const;
    return await askKms({ ...options, request, decoder, refusalOf });
  };
  const { PublicKey, SigningAlgorithms } = await ask('GetPublicKey', {}, publicKeyAnswer);
  const chosen = algorithmOf(SigningAlgorithms ?? [], options.rsaPadding ?? 'pss');
  const { algorithm, publicKey } = kmsPublicKey(() => spki(Buffer.from(PublicKey, 'base64')), chosen);
  return new KmsKey(algorithm, publicKey, async ({ bytes, message }) => {
    // An empty message is refused, its digest is not.
    const raw = message.length > 0 && message.length <= MAX_RAW_BYTES;
    const parameters = {
      Message: Buffer.from(raw ? message : bytes).toString('base64'),
      MessageType: raw ? 'RAW' : 'DIGEST',
      SigningAlgorithm: NAMES[algorithm],
    };
    return Buffer.from((await ask('Sign', parameters, signatureAnswer)).Signature, 'base64');
  });
}

function algorithmOf(offered: readonly string[], rsaPadding: RsaPadding): KeyAlgorithm | undefined {
  const unwanted = rsaPadding === 'pss' ? 'rsa-pkcs1-sha256' : 'rsa-pss-sha256';
  const all = Object.entries(NAMES) as [KeyAlgorithm, string][];
  return all.find(([algorithm, name]) => algorithm !== unwanted && offered.includes(name))?.[0];
}

/** How a refused signature says that nothing but its time is wrong; about any other one it begins otherwise. */
const TIME_REFUSED = /^Signature (?:expired|not yet current):/;

function refusalOf(_status: number, text: string): KmsRefusal {
  const { type, message } = readRefusal(text);
  switch (type) {
    case 'RequestExpired':
    case 'RequestInTheFuture':
    case 'RequestTimeTooSkewed':
      return 'KMS_CLOCK_SKEWED';
    case 'InvalidSignatureException':
    case 'SignatureDoesNotMatch':
      return TIME_REFUSED.test(message) ? 'KMS_CLOCK_SKEWED' : 'KEY_DENIED';
    case 'DisabledException':
    case 'KMSInvalidStateException':
    case 'KeyUnavailableException':
      return 'KEY_DISABLED';
    case 'InvalidKeyUsageException':
    case 'UnsupportedOperationException':
    case 'ValidationException':
      return 'KEY_ALGORITHM_MISMATCH';
    case 'AccessDeniedException':
    case 'ExpiredTokenException':
    case 'IncompleteSignatureException':
    case 'InvalidClientTokenId':
    case 'MissingAuthenticationTokenException':
    case 'UnrecognizedClientException':
      return 'KEY_DENIED';
    case 'NotFoundException':
      return 'KEY_NOT_FOUND';
    default:
      return 'KMS_REFUSED';
  }
}

/** `com.amazonaws.kms#DisabledException` and `DisabledException` are the same. */
function readRefusal(text: string): { readonly type: string; readonly message: string } {
  try {
    const { __type, message, Message = message } = parseJson('the answer', text, errorAnswer);
    return { type: __type.replace(/^.*#/, ''), message: typeof Message === 'string' ? Message : '' };
  } catch {
    return { type: '', message: '' };
  }
}
