import { array, canonicalJson, type Decoder, object, optional, parseJson, record, string, unknown } from '@paved/json';
import { assertDigestSet, type DigestSet } from './digest-set.js';
import { AttestationError } from './error.js';

export const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
/** The version before, which cosign still writes; it differs in this name alone, and is read but never made. */
export const STATEMENT_TYPE_V01 = 'https://in-toto.io/Statement/v0.1';
/** DSSE payload type of a statement (in-toto attestation v1, "Envelope"). */
export const STATEMENT_PAYLOAD_TYPE = 'application/vnd.in-toto+json';
/** GitHub's store and gh refuse more subjects in one statement. */
export const MAX_SUBJECTS = 1024;
export const MAX_STATEMENT_BYTES = 16 * 1024 * 1024;

/** `name` is empty where the producer left it out, as cosign does for images. */
export interface Subject {
  readonly name: string;
  readonly digest: DigestSet;
}

/** in-toto Statement v1; `predicate` stays unknown until a decoder of its type has read it. */
export interface Statement<P = unknown> {
  readonly _type: typeof STATEMENT_TYPE;
  readonly subject: readonly Subject[];
  readonly predicateType: string;
  readonly predicate: P;
}

const decodeStatement = object({
  _type: string,
  subject: array(object({ name: optional(string), digest: record(string) })),
  predicateType: string,
  predicate: optional(unknown),
});

/**
 * Subjects are sorted by name, so that the same subjects give the same bytes.
 * @throws {AttestationError} `SUBJECTS_EMPTY`, `SUBJECT_DIGEST_INVALID`, `SUBJECT_CONFLICT`
 */
export function buildStatement<P>(options: {
  readonly predicateType: string;
  readonly subjects: readonly Subject[];
  readonly predicate: P;
}): Statement<P> {
  assertSubjects(options.subjects);
  return {
    _type: STATEMENT_TYPE,
    subject: [...options.subjects].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)),
    predicateType: options.predicateType,
    predicate: options.predicate,
  };
}

/** RFC 8785 bytes: what is signed is the same for the same content. */
export function encodeStatement(statement: Statement): Buffer {
  return Buffer.from(canonicalJson(statement), 'utf8');
}

/**
 * Reads a statement from at most 16 MiB of UTF-8.
 * @throws {AttestationError} `STATEMENT_MALFORMED`, `STATEMENT_TYPE_UNKNOWN`, `SUBJECTS_EMPTY`, `SUBJECT_DIGEST_INVALID`,
 *   `SUBJECT_CONFLICT` (one name with two digests)
 */
export function parseStatement(bytes: Uint8Array | string): Statement {
  return readVersions(bytes, [STATEMENT_TYPE]);
}

/**
 * Reads a statement that somebody else has signed: of version 1, or of version 0.1, which is returned in the form of version 1.
 * For verification alone: what is built, signed or passed on is version 1.
 * @throws {AttestationError} as `parseStatement`
 */
export function parseSignedStatement(bytes: Uint8Array | string): Statement {
  return readVersions(bytes, [STATEMENT_TYPE, STATEMENT_TYPE_V01]);
}

function readVersions(bytes: Uint8Array | string, accepted: readonly string[]): Statement {
  const raw = readStatement(bytes, decodeStatement);
  if (!accepted.includes(raw._type)) {
    throw new AttestationError(
      'STATEMENT_TYPE_UNKNOWN',
      `Cannot read a statement of type "${raw._type.slice(0, 100)}"`,
      {
        hint: `Only ${accepted.join(' and ')} ${accepted.length === 1 ? 'is' : 'are'} accepted`,
      },
    );
  }
  const subject = raw.subject.map(({ name, digest }) => ({ name: name ?? '', digest }));
  assertSubjects(subject);
  return { _type: STATEMENT_TYPE, subject, predicateType: raw.predicateType, predicate: raw.predicate ?? {} };
}

/** Splits by `max` subjects; each part carries the same predicate and can be verified alone. */
export function splitSubjects<P>(statement: Statement<P>, max = MAX_SUBJECTS): readonly Statement<P>[] {
  const parts: Statement<P>[] = [];
  for (let start = 0; start < statement.subject.length; start += max) {
    parts.push({ ...statement, subject: statement.subject.slice(start, start + max) });
  }
  return parts;
}

function readStatement<T>(bytes: Uint8Array | string, decoder: Decoder<T>): T {
  const size = typeof bytes === 'string' ? Buffer.byteLength(bytes) : bytes.length;
  if (size > MAX_STATEMENT_BYTES) {
    throw new AttestationError(
      'STATEMENT_MALFORMED',
      `Cannot read a statement: it has ${size} bytes, the limit is ${MAX_STATEMENT_BYTES}`,
      { hint: 'Split it: a statement is about a few files and carries no large document' },
    );
  }
  try {
    const text =
      typeof bytes === 'string' ? bytes : new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return parseJson('the statement', text, decoder);
  } catch (cause) {
    throw new AttestationError('STATEMENT_MALFORMED', 'Cannot read a statement', {
      cause,
      hint: 'Pass the statement as the action wrote it, without changes',
    });
  }
}

function assertSubjects(subjects: readonly Subject[]): void {
  // A statement about nothing verifies against everything in a careless verifier.
  if (subjects.length === 0)
    throw new AttestationError('SUBJECTS_EMPTY', 'Cannot accept a statement: it has no subject', {
      hint: 'Name what the statement is about: at least one file or image with its digest',
    });
  const seen = new Map<string, string>();
  for (const { name, digest } of subjects) {
    assertDigestSet(`subject "${name.slice(0, 200)}"`, digest);
    const form = canonicalJson(digest);
    if (name !== '' && (seen.get(name) ?? form) !== form) {
      throw new AttestationError(
        'SUBJECT_CONFLICT',
        `Cannot accept subject "${name.slice(0, 200)}": it has two digests`,
        { hint: 'Give each file a name of its own' },
      );
    }
    seen.set(name, form);
  }
}
