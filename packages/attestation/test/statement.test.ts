import { describe, expect, test } from '@jest/globals';
import {
  buildStatement,
  digestSetHas,
  digestSetOf,
  encodeStatement,
  PREDICATE_TYPES,
  parseSignedStatement,
  parseStatement,
  STATEMENT_TYPE,
  STATEMENT_TYPE_V01,
  splitSubjects,
} from '@paved/attestation';
import { sha256 } from '@paved/digest';

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);

function statement(overrides: Record<string, unknown> = {}): string {
  return JSON.stringify({
    _type: STATEMENT_TYPE,
    subject: [{ name: 'app.tgz', digest: { sha256: A } }],
    predicateType: PREDICATE_TYPES.provenance,
    predicate: {},
    ...overrides,
  });
}

const MALFORMED: readonly (readonly [string, Record<string, unknown>, string])[] = [
  ['no subject', { subject: [] }, 'SUBJECTS_EMPTY'],
  ['subject is no array', { subject: { name: 'x' } }, 'STATEMENT_MALFORMED'],
  ['no _type', { _type: undefined }, 'STATEMENT_MALFORMED'],
  ['version 0.2', { _type: 'https://in-toto.io/Statement/v0.2' }, 'STATEMENT_TYPE_UNKNOWN'],
  ['type with a trailing slash', { _type: `${STATEMENT_TYPE}/` }, 'STATEMENT_TYPE_UNKNOWN'],
  ['upper-case digest', { subject: [{ name: 'x', digest: { sha256: A.toUpperCase() } }] }, 'SUBJECT_DIGEST_INVALID'],
  ['prefixed digest', { subject: [{ name: 'x', digest: { sha256: `sha256:${A}` } }] }, 'SUBJECT_DIGEST_INVALID'],
  ['short digest', { subject: [{ name: 'x', digest: { sha256: A.slice(1) } }] }, 'SUBJECT_DIGEST_INVALID'],
  ['no digest', { subject: [{ name: 'x', digest: {} }] }, 'SUBJECT_DIGEST_INVALID'],
  ['digest is a number', { subject: [{ name: 'x', digest: { sha256: 1 } }] }, 'STATEMENT_MALFORMED'],
  [
    'one name with two digests',
    {
      subject: [
        { name: 'x', digest: { sha256: A } },
        { name: 'x', digest: { sha256: B } },
      ],
    },
    'SUBJECT_CONFLICT',
  ],
  ['predicateType is no string', { predicateType: ['x'] }, 'STATEMENT_MALFORMED'],
];

describe('parseStatement', () => {
  test('reads what buildStatement wrote', () => {
    const built = buildStatement({
      predicateType: PREDICATE_TYPES.verdict,
      subjects: [
        { name: 'b', digest: { sha256: B } },
        { name: 'a', digest: digestSetOf(sha256('a')) },
      ],
      predicate: { verdict: 'pass' },
    });
    expect(built.subject.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(JSON.parse(JSON.stringify(parseStatement(encodeStatement(built))))).toEqual(
      JSON.parse(JSON.stringify(built)),
    );
  });

  test('accepts an unnamed subject, as cosign writes it', () => {
    expect(parseStatement(statement({ subject: [{ digest: { sha256: A } }] })).subject[0]?.name).toBe('');
  });

  test.each(MALFORMED)('refuses: %s', (_name, overrides, code) => {
    expect(() => parseStatement(statement(overrides))).toThrow(expect.objectContaining({ code }));
  });

  test('refuses version 0.1: nothing of it is made or passed on', () => {
    const text = statement({ _type: STATEMENT_TYPE_V01 });
    expect(() => parseStatement(text)).toThrow(expect.objectContaining({ code: 'STATEMENT_TYPE_UNKNOWN' }));
  });

  test.each([
    ['not JSON', '{'],
    ['an array', '[]'],
    ['a byte order mark', `\ufeff${statement()}`],
  ])('refuses bytes: %s', (_name, text) => {
    expect(() => parseStatement(Buffer.from(text))).toThrow(expect.objectContaining({ code: 'STATEMENT_MALFORMED' }));
  });

  test('refuses bytes that are not UTF-8', () => {
    const bytes = Buffer.concat([Buffer.from(statement().slice(0, -1)), Buffer.from([0xff, 0x7d])]);
    expect(() => parseStatement(bytes)).toThrow(expect.objectContaining({ code: 'STATEMENT_MALFORMED' }));
  });

  test('refuses more than 16 MiB before it parses', () => {
    expect(() => parseStatement(Buffer.alloc(16 * 1024 * 1024 + 1, 0x20))).toThrow(/limit is 16777216/);
  });
});

describe('parseSignedStatement', () => {
  test('reads version 0.1 as version 1 and keeps everything else', () => {
    const text = statement({ _type: STATEMENT_TYPE_V01, predicate: { a: [1] } });
    expect(parseSignedStatement(text)).toEqual(JSON.parse(statement({ predicate: { a: [1] } })));
    expect(parseSignedStatement(statement())).toEqual(parseStatement(statement()));
  });

  test.each(MALFORMED)('refuses in both versions: %s', (_name, overrides, code) => {
    for (const version of [STATEMENT_TYPE, STATEMENT_TYPE_V01]) {
      const text = statement({ _type: version, ...overrides });
      expect(() => parseSignedStatement(text)).toThrow(expect.objectContaining({ code }));
    }
  });
});

test('a digest in the prototype chain is no digest of the set', () => {
  expect(digestSetHas({}, sha256('x'))).toBe(false);
  expect(digestSetHas(digestSetOf(sha256('x')), sha256('x'))).toBe(true);
  expect(digestSetHas({ sha512: digestSetOf(sha256('x')).sha256 ?? '' }, sha256('x'))).toBe(false);
});

describe('splitSubjects', () => {
  const many = buildStatement({
    predicateType: PREDICATE_TYPES.provenance,
    subjects: Array.from({ length: 2500 }, (_, index) => ({
      name: `file-${String(index).padStart(5, '0')}`,
      digest: digestSetOf(sha256(String(index))),
    })),
    predicate: { same: true },
  });

  test('keeps every subject once, at most 1,024 in each part', () => {
    const parts = splitSubjects(many);
    expect(parts.map((part) => part.subject.length)).toEqual([1024, 1024, 452]);
    expect(parts.flatMap((part) => part.subject)).toEqual(many.subject);
    expect(parts.every((part) => part.predicate === many.predicate)).toBe(true);
  });

  test('leaves a small statement as one', () => {
    expect(splitSubjects(many, 2500)).toHaveLength(1);
  });
});
