import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { DEFAULT_POLICY, type Decision, decide, type ParsedReport, parseReport } from '@paved/gate';

const FILES = {
  json: 'grype-json/TestJsonImgsPresenter.json',
  sarif: 'sarif/TestSarifPresenter_image.sarif',
  cyclonedx: 'cyclonedx-report/TestCycloneDxPresenterImage.json',
} as const;

/** grype's own golden files: one scan in the three formats that it writes. */
function read(format: keyof typeof FILES): ParsedReport {
  return parseReport(format, readFileSync(join(process.cwd(), 'test', 'fixtures', FILES[format])));
}

function decided(...reports: readonly ParsedReport[]): Decision {
  return decide({
    findings: reports.flatMap(({ findings }) => findings),
    unchecked: [],
    policy: DEFAULT_POLICY,
    branchProtected: true,
    asOf: '2026-08-01T00:00:00Z',
  });
}

/** What every format carries. */
function facts({ findings }: Decision): readonly object[] {
  return findings
    .map(({ identity, id, aliases, kind, severity, fixedIn, status, package: found }) => ({
      identity,
      id,
      aliases,
      kind,
      severity,
      fixedIn,
      status,
      package: found?.purl,
      versions: found?.versions,
    }))
    .sort((a, b) => (a.identity < b.identity ? -1 : 1));
}

describe('one scan of grype', () => {
  const json = decided(read('json'));

  test.each(['sarif', 'cyclonedx'] as const)('as %s gives the findings of its JSON', (format) => {
    expect(json.findings).toHaveLength(2);
    expect(facts(decided(read(format)))).toEqual(facts(json));
  });

  test('in all formats at once is still two findings, with every match as a source', () => {
    const all = decided(read('json'), read('sarif'), read('cyclonedx'));
    expect(facts(all)).toEqual(facts(json));
    expect(all.findings.map(({ sources }) => sources.length)).toEqual([3, 3]);
  });

  test('what CycloneDX carries and SARIF does not: KEV, the score of EPSS, the digest of the image', () => {
    const [a, b] = [read('json'), read('cyclonedx')];
    const scores = ({ findings }: ParsedReport) => findings.map(({ epss }) => epss?.score);
    const listed = ({ findings }: ParsedReport) => findings.map(({ exploited }) => exploited?.cve);
    expect(scores(b)).toEqual(scores(a));
    expect(listed(b)).toEqual(listed(a));
    expect(b.subjects).toEqual(a.subjects);
    expect(decided(b).findings.find(({ id }) => id === 'CVE-1999-0002')?.rule).toBe('kev');
  });

  test('a finding less in one of them is seen', () => {
    const { findings, ...rest } = read('cyclonedx');
    expect(facts(decided({ ...rest, findings: findings.slice(1) }))).not.toEqual(facts(json));
  });
});
