import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { parseTrust, releasedCommits, TRUST_MEDIA_TYPE } from '../src/index.js';

type Json = Record<string, unknown>;

const RELEASED = { commit: 'a'.repeat(40), status: 'released', since: '2026-01-01T00:00:00Z', version: 'v1.0.0' };
const REVOKED = {
  commit: 'b'.repeat(40),
  status: 'revoked',
  since: '2026-02-01T00:00:00Z',
  reason: 'its sandbox let a build reach the network',
};

function trust(change: Json = {}): Json {
  return {
    mediaType: TRUST_MEDIA_TYPE,
    sequence: 3,
    updatedAt: '2026-02-01T00:00:00Z',
    identities: [
      {
        issuer: 'https://token.actions.githubusercontent.com',
        workflowPath: 'github.com/org/paved/.github/workflows/release-artifact.yml',
      },
    ],
    commits: [RELEASED, REVOKED],
    ...change,
  };
}

const ajv = new Ajv2020({ strict: true });
addFormats.default(ajv);
const matchesSchema = ajv.compile(
  JSON.parse(readFileSync(new URL('../../../docs/schemas/trust.schema.json', import.meta.url), 'utf8')),
);

describe('a trust document', () => {
  test('names what is released, and keeps why something is not', () => {
    const document = parseTrust(JSON.stringify(trust()));
    expect(releasedCommits(document)).toEqual([RELEASED.commit]);
    expect(document.commits[1]).toEqual(REVOKED);
    expect(matchesSchema(trust())).toBe(true);
  });

  test.each<[string, Json]>([
    ['another media type', { mediaType: 'application/json' }],
    ['no sequence', { sequence: undefined }],
    ['no identities', { identities: undefined }],
    ['a short commit', { commits: [{ ...RELEASED, commit: 'abc' }] }],
    ['an upper-case commit', { commits: [{ ...RELEASED, commit: 'A'.repeat(40) }] }],
    ['an unknown status', { commits: [{ ...RELEASED, status: 'yanked' }] }],
    ['a revocation without reason', { commits: [{ ...REVOKED, reason: undefined }] }],
    ['a revocation with an empty reason', { commits: [{ ...REVOKED, reason: '  ' }] }],
    ['a time without an offset', { commits: [{ ...RELEASED, since: '2026-01-01T00:00:00' }] }],
  ])('with %s is refused by reader and schema', (_name, change) => {
    const document = JSON.parse(JSON.stringify(trust(change)));
    expect(() => parseTrust(JSON.stringify(document))).toThrow(expect.objectContaining({ code: 'TRUST_MALFORMED' }));
    expect(matchesSchema(document)).toBe(false);
  });

  test('that names a commit twice is refused: the reader would choose', () => {
    const commits = [RELEASED, { ...REVOKED, commit: RELEASED.commit }];
    expect(() => parseTrust(JSON.stringify(trust({ commits })))).toThrow(
      expect.objectContaining({ code: 'TRUST_MALFORMED' }),
    );
  });
});
