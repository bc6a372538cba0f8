import { parseDigest } from '@paved/digest';
import { digestSetOf } from './digest-set.js';
import { AttestationError } from './error.js';
import type { Subject } from './statement.js';

/** `sha256sum`: digest, a blank, a blank or `*` for binary, the name. */
const LINE = /^([0-9a-f]{64}) [ *](\S.*)$/i;

/**
 * Subjects of a text in the form of `sha256sum`; CRLF and a byte order mark are taken, everything else is not.
 * @throws {AttestationError} `DOCUMENT_MALFORMED` for another line, for one name with two digests, and for no line at all
 */
export function parseChecksums(text: string): readonly Subject[] {
  const digests = new Map<string, string>();
  for (const [index, line] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    if (line === '') continue;
    const [, hex, name] = LINE.exec(line) ?? [];
    // A leading backslash means that the name is escaped: no released file has such a name.
    if (hex === undefined || name === undefined) throw malformed(`line ${index + 1} is not a digest and a name`);
    const digest = hex.toLowerCase();
    if ((digests.get(name) ?? digest) !== digest) throw malformed(`line ${index + 1} has a name with two digests`);
    digests.set(name, digest);
  }
  if (digests.size === 0) throw malformed('it names nothing');
  return [...digests].map(([name, hex]) => ({ name, digest: digestSetOf(parseDigest(`sha256:${hex}`)) }));
}

/** `subjects`, and of `more` those whose sha256 none of them has: what is named already is not named twice. */
export function withSubjects(subjects: readonly Subject[], more: readonly Subject[]): readonly Subject[] {
  const known = new Set(subjects.map(({ digest }) => digest.sha256));
  return [...subjects, ...more.filter(({ digest }) => !known.has(digest.sha256))];
}

function malformed(state: string): AttestationError {
  return new AttestationError('DOCUMENT_MALFORMED', `Cannot read checksums: ${state}`, {
    hint: 'Give a file as sha256sum writes it',
  });
}
