import { createPublicKey, type KeyObject } from 'node:crypto';
import { array, type Decoder, integer, object, optional, parseJson, record, string, unknown } from '@paved/json';
import { hashOf, type KeyAlgorithm, type RsaPadding } from '../key-algorithm.js';
import { KmsKey, kmsPublicKey, spki } from './kms-key.js';
import { askKms, type KmsRefusal, kmsAnswerInvalid, kmsRefusal } from './kms-request.js';
import type { KmsOptions } from './open-kms-key.js';

export interface VaultKeyName {
  readonly address: URL;
  readonly key: string;
  /** Path of the secrets engine (default `transit`). */
  readonly mount?: string;
}

const keyAnswer = object({
  data: object({
    type: string,
    latest_version: integer,
    min_encryption_version: optional(integer),
    supports_signing: optional(unknown),
    keys: record(unknown),
  }),
});
const keyVersion = object({ public_key: string });
const signatureAnswer = object({ data: object({ signature: string }) });
const errorAnswer = object({ errors: array(string) });

/** Header of an Ed25519 SPKI; Vault shows the bare 32 bytes. */
const ED25519_SPKI = Buffer.from('302a300506032b6570032100', 'hex');

/** A key of the transit engine of Vault or OpenBao, its newest version; `token` is a client token. */
export async function openVaultKey(name: VaultKeyName, options: KmsOptions, token: string): Promise<KmsKey> {
  const headers = { 'x-vault-token': token, 'x-vault-request': 'true', 'content-type': 'application/json' };
  const mount = name.mount ?? 'transit';
  const ask = async <T>(path: string, body: object | undefined, decoder: Decoder<T>): Promise<T> => {
    const url = new URL(`/v1/${mount}/${path}`, name.address);
    const request =
      body === undefined
        ? ({ method: 'GET', url, headers } as const)
        : ({ method: 'POST', url, headers, body: JSON.stringify(body) } as const);
    return await askKms({ ...options, request, decoder, refusalOf });
  };
  const { data } = await ask(`keys/${name.key}`, undefined, keyAnswer);
  const version = data.latest_version;
  // Vault has no switch for a key; a minimum above the newest version is how an operator stops it.
  if ((data.min_encryption_version ?? 0) > version) throw kmsRefusal('KEY_DISABLED');
  const { algorithm, publicKey } = kmsPublicKey(
    () => publicKeyOf(data.keys[String(version)]),
    algorithmOf(data.type, options.rsaPadding ?? 'pss'),
  );
  return new KmsKey(algorithm, publicKey, async ({ bytes }) => {
    const body = {
      input: bytes.toString('base64'),
      key_version: version,
      ...(algorithm === 'ed25519' ? {} : { prehashed: true, marshaling_algorithm: 'asn1' }),
      ...(algorithm.startsWith('rsa') ? { signature_algorithm: algorithm.includes('pss') ? 'pss' : 'pkcs1v15' } : {}),
      ...(algorithm === 'rsa-pss-sha256' ? { salt_length: 'hash' } : {}),
    };
    const hash = hashOf(algorithm) === 'sha384' ? 'sha2-384' : 'sha2-256';
    const { data: answer } = await ask(`sign/${name.key}/${hash}`, body, signatureAnswer);
    const signature = /^vault:v(\d+):([A-Za-z0-9+/]+=*)$/.exec(answer.signature);
    if (signature?.[1] !== String(version)) throw kmsAnswerInvalid();
    return Buffer.from(signature[2] ?? '', 'base64');
  });
}

function publicKeyOf(version: unknown): KeyObject {
  const text = keyVersion(version).public_key;
  if (text.startsWith('-----')) return createPublicKey(text);
  return spki(Buffer.concat([ED25519_SPKI, Buffer.from(text, 'base64')]));
}

function algorithmOf(type: string, rsaPadding: RsaPadding): KeyAlgorithm | undefined {
  if (/^rsa-(2048|3072|4096)$/.test(type)) return rsaPadding === 'pss' ? 'rsa-pss-sha256' : 'rsa-pkcs1-sha256';
  if (type === 'ecdsa-p256') return 'ecdsa-p256-sha256';
  if (type === 'ecdsa-p384') return 'ecdsa-p384-sha384';
  return type === 'ed25519' ? 'ed25519' : undefined;
}

function refusalOf(status: number, text: string): KmsRefusal {
  if (status === 403) return 'KEY_DENIED';
  const reason = reasonOf(text);
  if (reason.includes('minimum encryption key version')) return 'KEY_DISABLED';
  if (status === 404 || reason.includes('key not found')) return 'KEY_NOT_FOUND';
  return status === 400 ? 'KEY_ALGORITHM_MISMATCH' : 'KMS_REFUSED';
}

function reasonOf(text: string): string {
  try {
    return parseJson('the answer', text, errorAnswer).errors.join(' ');
  } catch {
    return '';
  }
}
