import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { array, boolean, type Decoder, object, optional, parseJson, string } from '@paved/json';
import type { KeyAlgorithm, RsaPadding } from '../key-algorithm.js';
import { ecdsaToDer } from './ecdsa-der.js';
import { KmsKey, kmsPublicKey } from './kms-key.js';
import { askKms, type KmsRefusal, kmsAnswerInvalid, kmsRefusal } from './kms-request.js';
import type { KmsOptions } from './open-kms-key.js';

export interface AzureKeyName {
  readonly vault: URL;
  readonly key: string;
  /** The current version when absent. */
  readonly version?: string;
}

const API = 'api-version=7.4';
const NAMES: Readonly<Partial<Record<KeyAlgorithm, string>>> = {
  'ecdsa-p256-sha256': 'ES256',
  'ecdsa-p384-sha384': 'ES384',
  'rsa-pss-sha256': 'PS256',
  'rsa-pkcs1-sha256': 'RS256',
};

const keyAnswer = object({
  key: object({
    kid: string,
    kty: string,
    key_ops: optional(array(string)),
    crv: optional(string),
    x: optional(string),
    y: optional(string),
    n: optional(string),
    e: optional(string),
  }),
  attributes: optional(object({ enabled: optional(boolean) })),
});
type AzureKey = ReturnType<typeof keyAnswer>['key'];
const signatureAnswer = object({ value: string });
const errorAnswer = object({
  error: object({ code: string, innererror: optional(object({ code: optional(string) })) }),
});

/** A key of Azure Key Vault or a managed HSM; `token` is an access token for the vault. */
export async function openAzureKey(name: AzureKeyName, options: KmsOptions, token: string): Promise<KmsKey> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const ask = async <T>(path: string, body: object | undefined, decoder: Decoder<T>): Promise<T> => {
    const url = new URL(`${path}?${API}`, name.vault);
    const request =
      body === undefined
        ? ({ method: 'GET', url, headers } as const)
        : ({ method: 'POST', url, headers, body: JSON.stringify(body) } as const);
    return await askKms({ ...options, request, decoder, refusalOf });
  };
  const path = `/keys/${name.key}${name.version === undefined ? '' : `/${name.version}`}`;
  const { key, attributes } = await ask(path, undefined, keyAnswer);
  if (attributes?.enabled === false) throw kmsRefusal('KEY_DISABLED');
  const { algorithm, publicKey } = kmsPublicKey(
    () => createPublicKey({ key: jwkOf(key), format: 'jwk' }),
    algorithmOf(key, options.rsaPadding ?? 'pss'),
  );
  // The version that was read is the one that signs, whatever becomes current meanwhile; the host stays the one that was named.
  const versioned = pathOf(key.kid, name.vault);
  return new KmsKey(algorithm, publicKey, async ({ bytes }) => {
    const body = { alg: NAMES[algorithm], value: bytes.toString('base64url') };
    const signature = Buffer.from((await ask(`${versioned}/sign`, body, signatureAnswer)).value, 'base64url');
    return algorithm.startsWith('ecdsa') ? ecdsaToDer(signature) : signature;
  });
}

/** A path that begins with two slashes would name another host, which would be sent the token. */
function pathOf(kid: string, vault: URL): string {
  const path = URL.canParse(kid, vault.href) ? new URL(kid, vault).pathname : '';
  if (!/^\/keys\/[A-Za-z0-9-]+(?:\/[A-Za-z0-9]+)?$/.test(path)) throw kmsAnswerInvalid();
  return path;
}

function jwkOf({ kty, crv, x, y, n, e }: AzureKey): JsonWebKey {
  const members = { kty: kty.replace(/-HSM$/, ''), crv, x, y, n, e };
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

function algorithmOf({ kty, crv, key_ops: operations }: AzureKey, rsaPadding: RsaPadding): KeyAlgorithm | undefined {
  if (operations !== undefined && !operations.includes('sign')) return undefined;
  if (/^RSA(-HSM)?$/.test(kty)) return rsaPadding === 'pss' ? 'rsa-pss-sha256' : 'rsa-pkcs1-sha256';
  if (crv === 'P-256') return 'ecdsa-p256-sha256';
  return crv === 'P-384' ? 'ecdsa-p384-sha384' : undefined;
}

function refusalOf(status: number, text: string): KmsRefusal {
  const { code, innererror } = errorOf(text);
  if (code === 'KeyDisabled' || innererror?.code === 'KeyDisabled') return 'KEY_DISABLED';
  if (status === 401 || status === 403) return 'KEY_DENIED';
  if (status === 404) return 'KEY_NOT_FOUND';
  return status === 400 ? 'KEY_ALGORITHM_MISMATCH' : 'KMS_REFUSED';
}

function errorOf(text: string): ReturnType<typeof errorAnswer>['error'] {
  try {
    return parseJson('the answer', text, errorAnswer).error;
  } catch {
    return { code: '' };
  }
}
