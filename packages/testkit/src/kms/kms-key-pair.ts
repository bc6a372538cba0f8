import {
  constants,
  createHash,
  generateKeyPairSync,
  type KeyObject,
  privateEncrypt,
  randomBytes,
  sign,
} from 'node:crypto';
import { signPrehashed } from '../sigstore/p256.js';

export type KmsKeyKind = 'p256' | 'rsa' | 'ed25519' | 'encryption';

export interface KmsKeyPair {
  readonly kind: KmsKeyKind;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

const HASH_BYTES = 32;
const RSA_BYTES = 256;
/** DigestInfo of SHA-256 (RFC 8017, section 9.2, note 1). */
const DIGEST_INFO = Buffer.from('3031300d060960864801650304020105000420', 'hex');

/** `encryption` is an RSA key that may not sign. */
export function makeKmsKey(kind: KmsKeyKind): KmsKeyPair {
  if (kind === 'p256') return { kind, ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) };
  if (kind === 'ed25519') return { kind, ...generateKeyPairSync('ed25519') };
  return { kind, ...generateKeyPairSync('rsa', { modulusLength: RSA_BYTES * 8 }) };
}

/** Signs a SHA-256 digest, or for Ed25519 the bytes; ECDSA as DER. */
export function signWithKmsKey({ kind, privateKey }: KmsKeyPair, input: Buffer, padding: 'pss' | 'pkcs1'): Buffer {
  if (kind === 'ed25519') return sign(null, input, privateKey);
  if (kind === 'p256') return signPrehashed(privateKey, input);
  if (padding === 'pkcs1') {
    const key = { key: privateKey, padding: constants.RSA_PKCS1_PADDING };
    return privateEncrypt(key, Buffer.concat([DIGEST_INFO, input]));
  }
  return privateEncrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, encodePss(input));
}

/** EMSA-PSS with SHA-256 and a salt of the hash's length (RFC 8017, section 9.1.1). */
function encodePss(digest: Buffer): Buffer {
  const salt = randomBytes(HASH_BYTES);
  const hash = sha256(Buffer.concat([Buffer.alloc(8), digest, salt]));
  const block = Buffer.alloc(RSA_BYTES - HASH_BYTES - 1);
  block[block.length - HASH_BYTES - 1] = 1;
  salt.copy(block, block.length - HASH_BYTES);
  const masked = Buffer.from(block.map((byte, index) => byte ^ (mask(hash, block.length)[index] ?? 0)));
  masked[0] = (masked[0] ?? 0) & 0x7f;
  return Buffer.concat([masked, hash, Buffer.from([0xbc])]);
}

const masks = new WeakMap<Buffer, Buffer>();

function mask(seed: Buffer, length: number): Buffer {
  const known = masks.get(seed);
  if (known !== undefined) return known;
  const blocks: Buffer[] = [];
  for (let counter = 0; counter * HASH_BYTES < length; counter++) {
    const suffix = Buffer.alloc(4);
    suffix.writeUInt32BE(counter);
    blocks.push(sha256(Buffer.concat([seed, suffix])));
  }
  const made = Buffer.concat(blocks).subarray(0, length);
  masks.set(seed, made);
  return made;
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
