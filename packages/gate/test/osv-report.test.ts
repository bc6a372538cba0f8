import { describe, expect, test } from '@jest/globals';
import { groupByAliases, parseOsvReport } from '@paved/gate';
import { fixture } from './fixture.js';

interface Expected {
  readonly files: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly aliasGroups: {
    readonly cases: readonly {
      readonly input: readonly { readonly id: string; readonly aliases: readonly string[] }[];
      readonly groups: readonly (readonly string[])[];
    }[];
  };
}
const expected = JSON.parse(fixture('osv-json/expected.json')) as Expected;

describe('the counts of published reports', () => {
  const reports = Object.entries(expected.files).filter(([, counts]) => 'vulnerabilities' in counts);
  test.each(reports)('%s', (name, counts) => {
    const { sources, packages, vulnerabilities, uniqueIds, groups } = counts;
    const report = parseOsvReport(name, fixture(`osv-json/${name}`));
    expect(report.counts).toEqual({ sources, packages, vulnerabilities, uniqueIds, groups });
    expect(report.findings).toHaveLength(Number(vulnerabilities));
  });
  test('there is more than one', () => expect(reports.length).toBeGreaterThan(3));
});

test.each([
  ['no_findings.json', 'REPORT_EMPTY'],
  ['not-json.txt', 'REPORT_MALFORMED'],
  ['vuln-grouped.json', 'REPORT_MALFORMED'],
  ['input.json', 'REPORT_MALFORMED'],
])('%s is %s, never clean', (name, code) => {
  expect(() => parseOsvReport(name, fixture(`osv-json/${name}`))).toThrow(expect.objectContaining({ code }));
});

test.each<[string, string, string]>([
  ['blanks', ' \n', 'REPORT_EMPTY'],
  ['a truncated report', fixture('osv-json/some_findings.json').slice(0, -30), 'REPORT_MALFORMED'],
  ['SARIF', '{"version":"2.1.0","runs":[]}', 'REPORT_UNSUPPORTED'],
  ['grype', '{"matches":[],"descriptor":{}}', 'REPORT_UNSUPPORTED'],
  ['trivy', '{"SchemaVersion":2}', 'REPORT_UNSUPPORTED'],
  ['an SBOM', '{"bomFormat":"CycloneDX"}', 'REPORT_UNSUPPORTED'],
  ['an empty object', '{}', 'REPORT_MALFORMED'],
  ['null', 'null', 'REPORT_MALFORMED'],
])('refuses %s', (_what, text, code) => {
  expect(() => parseOsvReport('r', text)).toThrow(expect.objectContaining({ code }));
});

test('malware of a real report is critical', () => {
  const [finding] = parseOsvReport('r', fixture('osv-json/some_findings.json')).findings;
  expect(finding).toMatchObject({
    kind: 'malware',
    purl: 'pkg:npm/flot-axis@0.0.0',
    source: { name: 'osv-scanner', id: 'MAL-2023-1035', severity: 'critical' },
  });
});

describe('alias groups', () => {
  test.each(expected.aliasGroups.cases.map((entry) => [entry.input, entry.groups] as const))(
    'of osv-scanner',
    (input, groups) => {
      const sorted = groups.map((group) => [...group].sort()).sort();
      expect([...groupByAliases(input)].sort()).toEqual(sorted);
      expect([...groupByAliases([...input].reverse())].sort()).toEqual(sorted);
    },
  );

  test('are transitive where a pairwise merge is not', () => {
    const input = [
      { id: 'A', aliases: ['p'] },
      { id: 'B', aliases: ['q'] },
      { id: 'C', aliases: ['q', 'r'] },
      { id: 'D', aliases: ['p', 'r'] },
    ];
    expect(groupByAliases(input)).toEqual([['A', 'B', 'C', 'D']]);
  });
});
