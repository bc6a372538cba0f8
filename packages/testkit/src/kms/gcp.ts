import { KMS_TOKEN, type KmsExchange, type KmsReply } from './start-kms.js';

const VERSION = '/v1/projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1';
const ALGORITHMS = {
  p256: 'EC_SIGN_P256_SHA256',
  rsa: 'RSA_SIGN_PSS_2048_SHA256',
  ed25519: 'EC_SIGN_ED25519',
  encryption: 'RSA_DECRYPT_OAEP_2048_SHA256',
};

/** Google Cloud KMS v1, REST: `publicKey` and `asymmetricSign` of one version. */
export function answerGcp({ method, path, headers, body, key, faults, sign }: KmsExchange): KmsReply {
  if (headers.authorization !== `Bearer ${KMS_TOKEN}`) return refusal(401, 'UNAUTHENTICATED');
  if (faults.denied) return refusal(403, 'PERMISSION_DENIED');
  if (faults.missing) return refusal(404, 'NOT_FOUND');
  if (faults.disabled) return refusal(400, 'FAILED_PRECONDITION');
  if (method === 'GET' && path === `${VERSION}/publicKey`) {
    const pem = key.publicKey.export({ format: 'pem', type: 'spki' });
    return { status: 200, body: { pem, algorithm: ALGORITHMS[key.kind] } };
  }
  const input = (body.digest as { sha256?: string } | undefined)?.sha256 ?? body.data;
  if (path !== `${VERSION}:asymmetricSign` || key.kind === 'encryption' || typeof input !== 'string') {
    return refusal(400, 'INVALID_ARGUMENT');
  }
  return { status: 200, body: { signature: sign(Buffer.from(input, 'base64'), 'pss').toString('base64') } };
}

function refusal(status: number, name: string): KmsReply {
  return { status, body: { error: { code: status, status: name, message: 'refused' } } };
}
