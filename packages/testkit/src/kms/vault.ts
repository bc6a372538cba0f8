import { KMS_TOKEN, type KmsExchange, type KmsReply } from './start-kms.js';

const TYPES = { p256: 'ecdsa-p256', rsa: 'rsa-2048', ed25519: 'ed25519', encryption: 'aes256-gcm96' };

/** The transit engine of Vault: a key with its versions, and `sign` over a digest or, for Ed25519, the bytes. */
export function answerVault({ method, path, headers, body, key, faults, sign }: KmsExchange): KmsReply {
  if (headers['x-vault-token'] !== KMS_TOKEN || faults.denied) return refusal(403, 'permission denied');
  if (faults.missing) return { status: 404, body: { errors: [] } };
  if (method === 'GET' && path === '/v1/transit/keys/release') {
    const shown =
      key.kind === 'ed25519'
        ? key.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64')
        : key.publicKey.export({ format: 'pem', type: 'spki' });
    const keys = { 1: key.kind === 'encryption' ? 1_700_000_000 : { public_key: shown } };
    return {
      status: 200,
      body: { data: { type: TYPES[key.kind], latest_version: 1, min_encryption_version: 0, keys } },
    };
  }
  if (faults.disabled)
    return refusal(400, 'requested version for signing is less than the minimum encryption key version');
  const prehashed = key.kind === 'ed25519' || (body.prehashed === true && body.marshaling_algorithm === 'asn1');
  if (path !== '/v1/transit/sign/release/sha2-256' || !prehashed) return refusal(400, 'unsupported');
  const signature = sign(
    Buffer.from(String(body.input), 'base64'),
    body.signature_algorithm === 'pss' ? 'pss' : 'pkcs1',
  );
  return { status: 200, body: { data: { signature: `vault:v1:${signature.toString('base64')}` } } };
}

function refusal(status: number, reason: string): KmsReply {
  return { status, body: { errors: [reason] } };
}
