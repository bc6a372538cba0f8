import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { parseTrust, releasedCommits } from '@paved/attestation';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { parse } from 'yaml';
import { emptyTrust, signingIdentities, trustText, updateTrust } from '../src/index.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const [FIRST, SECOND] = ['a'.repeat(40), 'b'.repeat(40)] as const;
const [MONDAY, TUESDAY] = ['2026-01-05T00:00:00Z', '2026-01-06T00:00:00Z'] as const;
const IDENTITIES = [
  { issuer: 'https://issuer.example', workflowPath: 'github.com/org/paved/.github/workflows/release-artifact.yml' },
];
const released = updateTrust(
  emptyTrust(IDENTITIES, MONDAY),
  { $case: 'release', commit: FIRST, version: 'v1.0.0' },
  MONDAY,
);

async function assertSchema(document: unknown): Promise<boolean> {
  const ajv = new Ajv2020({ strict: false });
  addFormats.default(ajv);
  return ajv.validate(JSON.parse(await readFile(`${ROOT}docs/schemas/trust.schema.json`, 'utf8')), document) as boolean;
}

describe('trust.json', () => {
  test('a release and a revocation, as the schema wants them', async () => {
    const revoked = updateTrust(released, { $case: 'revoke', commit: FIRST, reason: 'CVE-2026-0001' }, TUESDAY);
    expect(releasedCommits(released)).toEqual([FIRST]);
    expect(releasedCommits(revoked)).toEqual([]);
    expect(revoked).toMatchObject({
      sequence: 2,
      updatedAt: TUESDAY,
      commits: [{ commit: FIRST, status: 'revoked', since: TUESDAY, version: 'v1.0.0', reason: 'CVE-2026-0001' }],
    });
    for (const trust of [released, revoked]) {
      expect(await assertSchema(JSON.parse(trustText(trust)))).toBe(true);
      expect(parseTrust(trustText(trust))).toEqual(trust);
    }
    // Negative control: the schema does see what is wrong.
    expect(await assertSchema({ ...revoked, commits: [{ commit: FIRST, status: 'revoked', since: MONDAY }] })).toBe(
      false,
    );
  });

  const revoked = updateTrust(released, { $case: 'revoke', commit: FIRST, reason: 'x' }, TUESDAY);
  test.each([
    ['a commit twice', released, { $case: 'release', commit: FIRST, version: 'v1.0.1' }, TUESDAY],
    ['a revoked commit again', revoked, { $case: 'release', commit: FIRST, version: 'v1.0.1' }, TUESDAY],
    ['a version twice', released, { $case: 'release', commit: SECOND, version: 'v1.0.0' }, TUESDAY],
    ['a moving tag', released, { $case: 'release', commit: SECOND, version: 'v1' }, TUESDAY],
    ['an unknown commit', released, { $case: 'revoke', commit: SECOND, reason: 'x' }, TUESDAY],
    ['no reason', released, { $case: 'revoke', commit: FIRST, reason: ' ' }, TUESDAY],
    ['a revocation twice', revoked, { $case: 'revoke', commit: FIRST, reason: 'x' }, TUESDAY],
    ['a time before the last change', revoked, { $case: 'release', commit: SECOND, version: 'v1.0.1' }, MONDAY],
  ] as const)('refuses %s', (_name, trust, change, at) => {
    expect(() => updateTrust(trust, change, at)).toThrow(expect.objectContaining({ code: 'TRUST_REFUSED' }));
  });

  test('the committed one names whoever signs, by the workflows that hold a token', async () => {
    const config = parse(await readFile(`${ROOT}paved.config.yml`, 'utf8'));
    const text = await readFile(`${ROOT}.github/workflows/release-artifact.yml`, 'utf8');
    const review = await readFile(`${ROOT}.github/workflows/review.yml`, 'utf8');
    const identities = signingIdentities(config, [
      { name: 'release-artifact.yml', text },
      { name: 'review.yml', text: review },
    ]);
    expect(identities.map(({ workflowPath }) => workflowPath)).toEqual([
      'github.com/org/paved/.github/workflows/release-artifact.yml',
    ]);
    const committed = parseTrust(await readFile(`${ROOT}trust.json`, 'utf8'));
    expect(committed.identities).toEqual(expect.arrayContaining([...identities]));
  });
});
