import { scryptSync } from 'node:crypto';
import { integer, object, parseJson, string } from '@paved/json';
import { SigstoreError } from './error.js';
import { openSecretbox } from './secretbox.js';

const HEADER = /-----BEGIN ENCRYPTED (?:SIGSTORE|COSIGN) PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END/;
/** A file that asks for more work or memory than cosign ever does is an attack on this machine. */
const MAX_COST = 1 << 17;
const MAX_MEMORY_BYTES = 256 * 1024 * 1024;

const envelope = object({
  kdf: object({ name: string, params: object({ N: integer, r: integer, p: integer }), salt: string }),
  cipher: object({ name: string, nonce: string }),
  ciphertext: string,
});

export function isCosignKey(pem: string): boolean {
  return HEADER.test(pem);
}

/**
 * PKCS #8 of a key file that `cosign generate-key-pair` wrote: scrypt, then NaCl's secretbox.
 * @throws {SigstoreError} `KEY_PASSWORD`, `KEY_MALFORMED`; neither shows anything of file or password
 */
export function decryptCosignKey(pem: string, password: string | undefined): Buffer {
  if (password === undefined) throw passwordError('it is encrypted and there is no password');
  let opened: Buffer | undefined;
  try {
    const json = Buffer.from(HEADER.exec(pem)?.[1] ?? '', 'base64').toString('utf8');
    const { kdf, cipher, ciphertext } = parseJson('the key file', json, envelope);
    const { N, r, p } = kdf.params;
    if (kdf.name !== 'scrypt' || cipher.name !== 'nacl/secretbox') throw new RangeError('another cipher');
    if (N > MAX_COST || r > 16 || p > 4) throw new RangeError('too much work');
    const salt = Buffer.from(kdf.salt, 'base64');
    const key = scryptSync(password, salt, 32, { N, r, p, maxmem: MAX_MEMORY_BYTES });
    opened = openSecretbox(key, Buffer.from(cipher.nonce, 'base64'), Buffer.from(ciphertext, 'base64'));
    key.fill(0);
  } catch {
    // No cause: what a parser says quotes what it read.
    throw new SigstoreError('KEY_MALFORMED', 'Cannot read the key: it is not a file of cosign generate-key-pair', {
      hint: 'Give the cosign.key that cosign generate-key-pair wrote, or a key in PEM',
    });
  }
  if (opened === undefined) throw passwordError('the password does not open it');
  return opened;
}

export function passwordError(state: string): SigstoreError {
  return new SigstoreError('KEY_PASSWORD', `Cannot read the key: ${state}`, {
    hint: 'Give the password that the key was made with',
  });
}
