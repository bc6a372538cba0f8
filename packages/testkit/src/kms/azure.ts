import { childrenOf, DER, readSingle } from '@paved/sigstore/der';
import { KMS_TOKEN, type KmsExchange, type KmsReply } from './start-kms.js';

const VERSION = '/keys/release/0123456789abcdef';

/** Azure Key Vault 7.4: a key with its operations, and `sign` over a digest; ECDSA as two integers side by side. */
export function answerAzure({ method, path, headers, body, key, faults, sign }: KmsExchange): KmsReply {
  if (headers.authorization !== `Bearer ${KMS_TOKEN}`) return refusal(401, 'Unauthorized');
  if (faults.denied) return refusal(403, 'Forbidden', 'ForbiddenByRbac');
  if (faults.missing) return refusal(404, 'KeyNotFound');
  if (method === 'GET' && path === '/keys/release') {
    const operations = key.kind === 'encryption' ? ['encrypt', 'decrypt'] : ['sign', 'verify'];
    const jwk = key.publicKey.export({ format: 'jwk' });
    return { status: 200, body: { key: { ...jwk, kid: `https://vault.example${VERSION}`, key_ops: operations } } };
  }
  if (faults.disabled) return refusal(403, 'Forbidden', 'KeyDisabled');
  const allowed: readonly string[] = { p256: ['ES256'], rsa: ['PS256', 'RS256'], ed25519: [], encryption: [] }[
    key.kind
  ];
  if (path !== `${VERSION}/sign` || !allowed.includes(String(body.alg))) return refusal(400, 'BadParameter');
  const signature = sign(Buffer.from(String(body.value), 'base64url'), body.alg === 'PS256' ? 'pss' : 'pkcs1');
  const value = key.kind === 'p256' ? sideBySide(signature) : signature;
  return { status: 200, body: { kid: VERSION, value: value.toString('base64url') } };
}

function sideBySide(der: Buffer): Buffer {
  const integers = childrenOf(readSingle(der, DER.sequence)).map(({ content }) => content);
  return Buffer.concat(integers.map((bytes) => Buffer.concat([Buffer.alloc(32), bytes]).subarray(-32)));
}

function refusal(status: number, code: string, inner?: string): KmsReply {
  const innererror = inner === undefined ? {} : { innererror: { code: inner } };
  return { status, body: { error: { code, message: 'refused', ...innererror } } };
}
