import {
  assertWitnessOptions,
  type BundleProgress,
  BundleRun,
  type BundleSigner,
  type WitnessOptions,
} from './bundle-run.js';
import { SigstoreError } from './error.js';
import { type KeyAlgorithm, keyHint } from './key-algorithm.js';
import { type ManagedKey, ManagedKeySigner, publicKeyPem } from './managed-key.js';
import { loadSignLibrary } from './sign-library.js';

export interface KeySessionOptions extends WitnessOptions {
  readonly key: ManagedKey;
  readonly onProgress?: (progress: BundleProgress) => void;
}

/** Signatures of a key. They prove that the key was used, never who used it or from which commit. */
export interface KeySession extends BundleSigner {
  readonly algorithm: KeyAlgorithm;
  /** SPKI, PEM: what `cosign verify-blob --key` and a `KeyPolicy` take. */
  readonly publicKey: string;
  /** Base64 of the SHA-256 of the SPKI, as the bundles carry it. */
  readonly keyHint: string;
}

/** @throws {SigstoreError} `SESSION_INVALID`, `KEY_UNSUPPORTED` for an Ed25519 key that should be logged */
export async function openKeySession(options: KeySessionOptions): Promise<KeySession> {
  assertWitnessOptions(options);
  const { key, onProgress, transparency } = options;
  if (key.algorithm === 'ed25519' && transparency !== 'off') {
    throw new SigstoreError('KEY_UNSUPPORTED', 'Cannot log signatures of an Ed25519 key: a log takes digests alone', {
      hint: 'Choose transparency "off", or an ECDSA or RSA key',
    });
  }
  await loadSignLibrary();
  const run = new BundleRun(options, new ManagedKeySigner(key), key.algorithm, (progress) => onProgress?.(progress));
  return {
    algorithm: key.algorithm,
    publicKey: publicKeyPem(key.publicKey),
    keyHint: keyHint(key.publicKey),
    signStatement: (statement) => run.sign('dsse', statement),
    signBlob: (bytes) => run.sign('message', bytes),
    timestamp: (bytes) => run.timestamp(bytes),
    close: () => key.forget(),
  };
}
