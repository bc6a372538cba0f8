import { createPublicKey } from 'node:crypto';
import { type Decoder, object, parseJson, string } from '@paved/json';
import { hashOf, type KeyAlgorithm } from '../key-algorithm.js';
import { KmsKey, kmsPublicKey } from './kms-key.js';
import { askKms, type KmsRefusal } from './kms-request.js';
import type { KmsOptions } from './open-kms-key.js';

export interface GcpKeyName {
  /** `projects/.../locations/.../keyRings/.../cryptoKeys/.../cryptoKeyVersions/N` */
  readonly version: string;
  readonly endpoint: URL;
}

/** A version has one algorithm for good, padding included. */
const NAMES: Readonly<Record<string, KeyAlgorithm>> = {
  EC_SIGN_P256_SHA256: 'ecdsa-p256-sha256',
  EC_SIGN_P384_SHA384: 'ecdsa-p384-sha384',
  EC_SIGN_ED25519: 'ed25519',
  RSA_SIGN_PSS_2048_SHA256: 'rsa-pss-sha256',
  RSA_SIGN_PSS_3072_SHA256: 'rsa-pss-sha256',
  RSA_SIGN_PSS_4096_SHA256: 'rsa-pss-sha256',
  RSA_SIGN_PKCS1_2048_SHA256: 'rsa-pkcs1-sha256',
  RSA_SIGN_PKCS1_3072_SHA256: 'rsa-pkcs1-sha256',
  RSA_SIGN_PKCS1_4096_SHA256: 'rsa-pkcs1-sha256',
};

const publicKeyAnswer = object({ pem: string, algorithm: string });
const signatureAnswer = object({ signature: string });
const errorAnswer = object({ error: object({ status: string }) });

/** A key version of Google Cloud KMS; `token` is an access token. */
export async function openGcpKey(name: GcpKeyName, options: KmsOptions, token: string): Promise<KmsKey> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const ask = async <T>(path: string, body: object | undefined, decoder: Decoder<T>): Promise<T> => {
    const url = new URL(`/v1/${name.version}${path}`, name.endpoint);
    const request =
      body === undefined
        ? ({ method: 'GET', url, headers } as const)
        : ({ method: 'POST', url, headers, body: JSON.stringify(body) } as const);
    return await askKms({ ...options, request, decoder, refusalOf });
  };
  const answer = await ask('/publicKey', undefined, publicKeyAnswer);
  const { algorithm, publicKey } = kmsPublicKey(() => createPublicKey(answer.pem), NAMES[answer.algorithm]);
  return new KmsKey(algorithm, publicKey, async ({ bytes }) => {
    const value = bytes.toString('base64');
    const body = algorithm === 'ed25519' ? { data: value } : { digest: { [hashOf(algorithm)]: value } };
    return Buffer.from((await ask(':asymmetricSign', body, signatureAnswer)).signature, 'base64');
  });
}

function refusalOf(status: number, text: string): KmsRefusal {
  switch (statusOf(text)) {
    case 'FAILED_PRECONDITION':
      return 'KEY_DISABLED';
    case 'INVALID_ARGUMENT':
      return 'KEY_ALGORITHM_MISMATCH';
    case 'PERMISSION_DENIED':
    case 'UNAUTHENTICATED':
      return 'KEY_DENIED';
    case 'NOT_FOUND':
      return 'KEY_NOT_FOUND';
    default:
      return status === 401 || status === 403 ? 'KEY_DENIED' : 'KMS_REFUSED';
  }
}

function statusOf(text: string): string {
  try {
    return parseJson('the answer', text, errorAnswer).error.status;
  } catch {
    return '';
  }
}
