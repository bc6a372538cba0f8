import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { decryptCosignKey, isCosignKey, passwordError } from './cosign-key.js';
import { SigstoreError } from './error.js';
import { algorithmOfKey, hashOf, type KeyAlgorithm, paddingOf, type RsaPadding } from './key-algorithm.js';
import type { ManagedKey } from './managed-key.js';

export interface PemKeyOptions {
  /** Text of the file. */
  readonly pem: string;
  readonly password?: string;
  /** Default `pss`. */
  readonly rsaPadding?: RsaPadding;
}

/**
 * Reads a private key: PKCS #8 (also encrypted), SEC 1, PKCS #1, or the file of `cosign generate-key-pair`.
 * @throws {SigstoreError} `KEY_MALFORMED`, `KEY_PASSWORD`, `KEY_UNSUPPORTED`; none shows anything of the file or the password
 */
export function parsePemKey({ pem, password, rsaPadding }: PemKeyOptions): ManagedKey {
  const privateKey = isCosignKey(pem) ? fromDer(decryptCosignKey(pem, password)) : fromPem(pem, password);
  return new PemKey(privateKey, algorithmOfKey(privateKey, rsaPadding));
}

/** A new ECDSA P-256 key that only this process has; it is gone when its session closes. */
export function newThrowAwayKey(): ManagedKey {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return new PemKey(privateKey, algorithmOfKey(privateKey, undefined));
}

class PemKey implements ManagedKey {
  readonly algorithm: KeyAlgorithm;
  readonly publicKey: KeyObject;
  #privateKey: KeyObject | undefined;

  constructor(privateKey: KeyObject, algorithm: KeyAlgorithm) {
    this.#privateKey = privateKey;
    this.publicKey = createPublicKey(privateKey);
    this.algorithm = algorithm;
  }

  async sign(bytes: Uint8Array): Promise<Buffer> {
    if (this.#privateKey === undefined) {
      throw new SigstoreError('SESSION_CLOSED', 'Cannot sign: the session is closed');
    }
    const hash = this.algorithm === 'ed25519' ? null : hashOf(this.algorithm);
    return sign(hash, bytes, { key: this.#privateKey, ...paddingOf(this.algorithm) });
  }

  forget(): void {
    this.#privateKey = undefined;
  }
}

function fromDer(der: Buffer): KeyObject {
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  } catch {
    throw malformed();
  } finally {
    der.fill(0);
  }
}

function fromPem(pem: string, password: string | undefined): KeyObject {
  const encrypted = pem.includes('ENCRYPTED');
  if (encrypted && password === undefined) throw passwordError('it is encrypted and there is no password');
  try {
    return createPrivateKey({ key: pem, ...(password === undefined ? {} : { passphrase: password }) });
  } catch {
    throw encrypted ? passwordError('the password does not open it') : malformed();
  }
}

function malformed(): SigstoreError {
  return new SigstoreError('KEY_MALFORMED', 'Cannot read the key: it is not a private key in PEM', {
    hint: 'Give PKCS #8, SEC 1, PKCS #1, or the file of cosign generate-key-pair',
  });
}
