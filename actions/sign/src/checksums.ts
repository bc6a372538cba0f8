import { AttestationError, parseChecksums, type Subject } from '@paved/attestation';
import { digestHex, parseDigest } from '@paved/digest';
import { SignError } from './error.js';
import { readRegularFile } from './read-file.js';

const MAX_BYTES = 16 * 1024 * 1024;

/**
 * Subjects of a file in the form of `sha256sum`.
 * @throws {SignError} `CHECKSUMS_MALFORMED` for a line of another form, or one name with two digests
 */
export async function readChecksums(path: string): Promise<readonly Subject[]> {
  const text = (await readRegularFile(path, MAX_BYTES)).toString('utf8');
  try {
    return parseChecksums(text);
  } catch (cause) {
    if (!(cause instanceof AttestationError)) throw cause;
    throw new SignError('CHECKSUMS_MALFORMED', `Cannot read checksums "${path}"`, {
      cause,
      hint: 'Give a file as sha256sum writes it',
    });
  }
}

/** Text of `SHA256SUMS`, sorted by name. */
export function checksumsText(files: readonly { readonly name: string; readonly digest: string }[]): string {
  const lines = new Set(files.map(({ name, digest }) => `${digestHex(parseDigest(digest))}  ${name}\n`));
  return [...lines].sort((a, b) => (a.slice(66) < b.slice(66) ? -1 : 1)).join('');
}
