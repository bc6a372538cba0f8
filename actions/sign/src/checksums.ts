import { digestSetOf, type Subject } from '@paved/attestation';
import { digestHex, parseDigest } from '@paved/digest';
import { SignError } from './error.js';
import { readRegularFile } from './read-file.js';

const MAX_BYTES = 16 * 1024 * 1024;
/** `sha256sum`: digest, a blank, a blank or `*` for binary, the name. */
const LINE = /^([0-9a-f]{64}) [ *](\S.*)$/i;

/**
 * Subjects of a file in the form of `sha256sum`; CRLF and a byte order mark are taken, everything else is not.
 * @throws {SignError} `CHECKSUMS_MALFORMED` for another line, or one name with two digests
 */
export async function readChecksums(path: string): Promise<readonly Subject[]> {
  const text = (await readRegularFile(path, MAX_BYTES)).toString('utf8').replace(/^\uFEFF/, '');
  const digests = new Map<string, string>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line === '') continue;
    const [, hex, name] = LINE.exec(line) ?? [];
    // A leading backslash means that the name is escaped: no released file has such a name.
    if (hex === undefined || name === undefined) throw malformed(path, `line ${index + 1} is not a digest and a name`);
    const digest = hex.toLowerCase();
    if ((digests.get(name) ?? digest) !== digest)
      throw malformed(path, `line ${index + 1} has a name with two digests`);
    digests.set(name, digest);
  }
  if (digests.size === 0) throw malformed(path, 'it names nothing');
  return [...digests].map(([name, hex]) => ({ name, digest: digestSetOf(parseDigest(`sha256:${hex}`)) }));
}

/** Text of `SHA256SUMS`, sorted by name. */
export function checksumsText(files: readonly { readonly name: string; readonly digest: string }[]): string {
  const lines = new Set(files.map(({ name, digest }) => `${digestHex(parseDigest(digest))}  ${name}\n`));
  return [...lines].sort((a, b) => (a.slice(66) < b.slice(66) ? -1 : 1)).join('');
}

function malformed(path: string, state: string): SignError {
  return new SignError('CHECKSUMS_MALFORMED', `Cannot read checksums "${path}": ${state}`, {
    hint: 'Give a file as sha256sum writes it',
  });
}
