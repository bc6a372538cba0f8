import { describe, expect, test } from '@jest/globals';
import { cvss3BaseScore, cvssBaseScore, mergeFindings, parseOsvRecord, parseReport, severityOf } from '@paved/gate';
import cvss from 'ae-cvss-calculator';

// Base scores that FIRST publishes in the CVSS v3.1 examples, and corner cases of the formula.
test.each([
  ['CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H', 9.8],
  ['CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H', 10],
  ['CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N', 6.1],
  ['CVSS:3.0/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N', 6.4],
  ['CVSS:3.0/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N', 3.1],
  ['CVSS:3.0/AV:L/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H', 7.8],
  ['CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H', 7.5],
  ['CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N', 7.5],
  ['CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H', 7.8],
  ['CVSS:3.1/AV:L/AC:L/PR:H/UI:N/S:C/C:H/I:H/A:H', 8.2],
  ['CVSS:3.1/AV:P/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H', 6.8],
  ['CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N', 0],
  ['CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/E:U/RL:O/RC:U', 9.8],
])('%s is %d', (vector, score) => {
  expect(cvss3BaseScore(vector)).toBe(score);
});

describe('refuses', () => {
  test.each([
    '',
    'AV:N/AC:L/Au:N/C:P/I:P/A:P',
    'CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N',
    'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H',
    'CVSS:3.1/AV:N/AV:L/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H',
    'CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H',
    'CVSS:3.1/__proto__:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H',
  ])('"%s"', (vector) => {
    expect(() => cvss3BaseScore(vector)).toThrow(expect.objectContaining({ code: 'CVSS_INVALID' }));
  });
});

// FIRST, "CVSS v4.0 Examples" (the CVEs) and calculator; "A Complete Guide to CVSS v2" section 3.3.
test.each([
  ['CVE-2022-41741', 'CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N', 7.3],
  ['CVE-2020-3549', 'CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:P/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N', 7.7],
  ['CVE-2023-3089', 'CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:N/VC:H/VI:L/VA:L/SC:N/SI:N/SA:N', 8.3],
  ['CVE-2021-44714', 'CVSS:4.0/AV:L/AC:L/AT:N/PR:N/UI:A/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N', 4.6],
  ['CVE-2022-21830', 'CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:A/VC:N/VI:N/VA:N/SC:L/SI:L/SA:N', 5.1],
  ['CVE-2022-22186', 'CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:L/SI:L/SA:N', 6.9],
  ['CVE-2023-21989', 'CVSS:4.0/AV:L/AC:L/AT:N/PR:H/UI:N/VC:N/VI:N/VA:N/SC:H/SI:N/SA:N', 5.9],
  ['CVE-2014-0160', 'CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N', 8.7],
  ['CVE-2021-44228', 'CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H', 10],
  ['nothing', 'CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:N/SA:N', 0],
  [
    'threat and environment left out',
    'CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:P/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/E:U/CR:L/U:Red',
    7.7,
  ],
  ['CVE-2002-0392', 'AV:N/AC:L/Au:N/C:N/I:N/A:C', 7.8],
  ['CVE-2003-0818', 'AV:N/AC:L/Au:N/C:C/I:C/A:C', 10],
  ['CVE-2003-0062', 'AV:L/AC:H/Au:N/C:C/I:C/A:C', 6.2],
  ['temporal left out', '(AV:N/AC:L/Au:N/C:N/I:N/A:C/E:F/RL:OF/RC:C)', 7.8],
])('%s: %s is %d', (_what, vector, score) => {
  expect(cvssBaseScore(vector)).toBe(score);
});

test.each([
  '',
  'CVSS:5.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N',
  'CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N',
  'CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:R/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N',
  'CVSS:4.0/AV:N/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N',
  'CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:S',
  'CVSS:4.0/__proto__:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N',
  'AV:N/AC:L/Au:N/C:P/I:P',
  'AV:N/AC:L/Au:N/C:P/I:P/A:P/A:C',
  '7.5',
])('refuses "%s"', (vector) => {
  expect(() => cvssBaseScore(vector)).toThrow(expect.objectContaining({ code: 'CVSS_INVALID' }));
});

test('our scores of 3.0 and 3.1 are those of the library, over every base vector', () => {
  const values = { AV: 'NALP', AC: 'LH', PR: 'NLH', UI: 'NR', S: 'UC', C: 'HLN', I: 'HLN', A: 'HLN' };
  let vectors = [''];
  for (const [metric, options] of Object.entries(values)) {
    vectors = vectors.flatMap((head) => [...options].map((value) => `${head}/${metric}:${value}`));
  }
  const differ = vectors.filter((text) => {
    const score = new cvss.Cvss3P1(`CVSS:3.1${text}`).calculateScores(false).overall;
    return cvss3BaseScore(`CVSS:3.1${text}`) !== score;
  });
  expect(vectors).toHaveLength(2592);
  expect(differ).toEqual([]);
});

describe('where only vectors judge', () => {
  const V4 = 'CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N';
  const V3 = 'CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:H/I:H/A:H';
  const record = (severity: readonly object[], more: object = {}) =>
    parseOsvRecord(
      'r',
      JSON.stringify({ id: 'X-1', modified: '2025-01-01T00:00:00Z', affected: [], severity, ...more }),
    );

  test.each<[string, readonly object[], string]>([
    ['v4 alone', [{ type: 'CVSS_V4', score: V4 }], 'critical'],
    ['v2 alone', [{ type: 'CVSS_V2', score: 'AV:N/AC:L/Au:N/C:N/I:N/A:C' }], 'high'],
    [
      'the worst of two',
      [
        { type: 'CVSS_V3', score: V3 },
        { type: 'CVSS_V4', score: V4 },
      ],
      'critical',
    ],
    ['a broken one', [{ type: 'CVSS_V4', score: 'CVSS:4.0/AV:N' }], 'unknown'],
    ['another system', [{ type: 'Ubuntu', score: 'high' }], 'unknown'],
  ])('an OSV record with %s is %s', (_what, severity, wanted) => {
    expect(severityOf(record(severity), undefined)).toBe(wanted);
  });

  test("the database's word stands above vectors", () => {
    const word = { database_specific: { severity: 'LOW' } };
    expect(severityOf(record([{ type: 'CVSS_V4', score: V4 }], word), undefined)).toBe('low');
  });

  test('CycloneDX with vectors alone: the score is shown, and so is that the versions disagree', () => {
    const document = (ratings: readonly object[]) =>
      Buffer.from(
        JSON.stringify({
          bomFormat: 'CycloneDX',
          specVersion: '1.6',
          components: [],
          vulnerabilities: [{ id: 'CVE-2024-1', ratings, affects: [{ ref: 'pkg:npm/p@1' }] }],
        }),
      );
    const both = [
      { method: 'CVSSv31', vector: V3 },
      { method: 'CVSSv4', vector: V4 },
    ];
    const [found] = mergeFindings(parseReport('c', document(both)).findings);
    expect(found).toMatchObject({
      severity: 'critical',
      disagreement: true,
      sources: [
        {
          cvss: [
            { vector: V4, score: 9.2 },
            { vector: V3, score: 8.1 },
          ],
        },
      ],
    });
    expect(mergeFindings(parseReport('c', document(both.slice(1))).findings)[0]?.disagreement).toBe(false);
    const told = [{ method: 'CVSSv4', vector: V4, score: 3, severity: 'low' }];
    expect(parseReport('c', document(told)).findings[0]?.source).toEqual(
      expect.not.objectContaining({ cvss: expect.anything() }),
    );
  });
});
