import { describe, expect, test } from '@jest/globals';
import {
  DEFAULT_POLICY,
  decide,
  GateError,
  groupByAliases,
  mergeFindings,
  parseReport,
  type RawFinding,
} from '@paved/gate';
import { type Expected, eachShared, expectations, shared, sharedTest } from './shared-fixtures.js';

const grype = expectations('grype-json');
const trivy = expectations('trivy-json');
const osv = expectations('osv-json');
const sarif = expectations('sarif');

function codeOf(name: string, bytes: Uint8Array): string {
  try {
    parseReport(name, bytes);
    return 'read';
  } catch (error) {
    return error instanceof GateError ? error.code : `another error: ${String(error)}`;
  }
}

const open = (findings: readonly RawFinding[]) => findings.filter(({ source }) => source.suppressed === undefined);

function tally(texts: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const text of texts) counts[text] = (counts[text] ?? 0) + 1;
  return counts;
}

/** Nothing is lost on the way: the entries of `sources` add up to the matches of the report. */
function expectAllKept(findings: readonly RawFinding[]): void {
  const decision = decide({
    findings,
    unchecked: [],
    policy: DEFAULT_POLICY,
    branchProtected: true,
    asOf: '2025-08-26T00:00:00Z',
  });
  expect(decision.findings.reduce((sum, { sources }) => sum + sources.length, 0)).toBe(findings.length);
}

const GRYPE_WORDS: Readonly<Record<string, string>> = {
  Critical: 'critical',
  High: 'high',
  Medium: 'medium',
  Low: 'low',
  Negligible: 'low',
  Unknown: 'unknown',
  absent: 'unknown',
};

describe('grype', () => {
  eachShared('report', grype.files ?? {}, (file: string, wanted: Expected) => {
    const report = parseReport(file, shared(`grype-json/${file}`));
    const found = open(report.findings);
    expect(report).toMatchObject({ format: 'grype', scanner: 'grype', kinds: ['sca'] });
    expect(found).toHaveLength(wanted.matches);
    expect(report.findings.length - found.length).toBe(wanted.ignoredMatches);
    const severities: Record<string, number> = {};
    for (const [word, count] of Object.entries(wanted.bySeverity as Record<string, number>)) {
      const severity = GRYPE_WORDS[word] ?? word;
      severities[severity] = (severities[severity] ?? 0) + count;
    }
    expect(tally(found.map(({ source }) => source.severity))).toEqual(severities);
    expect(found.filter(({ fixedIn }) => fixedIn !== undefined)).toHaveLength(wanted.withFix);
    expect(found.filter(({ epss }) => epss !== undefined)).toHaveLength(wanted.withEpss);
    expect(found.filter(({ exploited }) => exploited !== undefined)).toHaveLength(wanted.withKnownExploited);
    expect(new Set(found.map(({ source }) => source.id)).size).toBe(wanted.ids);
    expect(new Set(found.map(({ source, name, version }) => `${source.id} ${name} ${version}`)).size).toBe(
      wanted.uniqueIdNameVersion,
    );
    if (wanted.toolVersion !== null) expect(report.scannerVersion).toBe(wanted.toolVersion);
    expect(report.database?.builtAt ?? null).toBe(wanted.dbBuilt);
    if (wanted.fixVersion !== undefined) expect(found[0]?.fixedIn).toEqual([wanted.fixVersion]);
    for (const { id, epss, percentile } of wanted.epss ?? []) {
      expect(found.find(({ source }) => source.id === id)?.epss).toMatchObject({ score: epss, percentile });
    }
    expectAllKept(report.findings);
  });
});

describe('trivy', () => {
  eachShared('report', trivy.files ?? {}, (file: string, wanted: Expected) => {
    const bytes = shared(`trivy-json/${file}`);
    if (bytes.toString('utf8').trim() === 'null') {
      // It names no scanner and no target: another program's `null` is no answer either.
      expect(codeOf(file, bytes)).toBe('REPORT_UNSUPPORTED');
      return;
    }
    const report = parseReport(file, bytes);
    expect(report.format).toBe('trivy');
    const found = open(report.findings);
    expect(found).toHaveLength(wanted.findings);
    const kinds: Readonly<Record<string, string>> = {
      Vulnerabilities: 'vulnerability',
      Misconfigurations: 'misconfiguration',
      Secrets: 'secret',
      Licenses: 'licence',
    };
    for (const [name, { total, bySeverity }] of Object.entries(wanted.byClass as Record<string, Expected>)) {
      const own = found.filter(({ kind }) => kind === kinds[name]);
      expect(own).toHaveLength(total);
      const lower = Object.fromEntries(Object.entries(bySeverity).map(([word, count]) => [word.toLowerCase(), count]));
      expect(tally(own.map(({ source }) => source.severity))).toEqual(lower);
    }
    const vulnerabilities = found.filter(({ kind }) => kind === 'vulnerability');
    expect(new Set(vulnerabilities.map(({ source }) => source.id)).size).toBe(wanted.vulnerabilityIds);
    const modified = Object.values((wanted.modifiedFindings ?? {}) as Record<string, number>);
    expect(report.findings.length - found.length).toBe(modified.reduce((a, b) => a + b, 0));
    expectAllKept(report.findings);
  });

  sharedTest('what a scanner quotes of a secret is in no finding', () => {
    const report = parseReport('secrets', shared('trivy-json/golden/secrets.json.gz'));
    expect(report.findings.length).toBeGreaterThan(0);
    expect(JSON.stringify(report)).not.toContain('ghp_');
  });
});

describe('osv-scanner', () => {
  eachShared('report', osv.files ?? {}, (file: string, wanted: Expected) => {
    const bytes = shared(`osv-json/${file}`);
    if (wanted.parses === false)
      expect(codeOf(file, bytes)).toBe(wanted.bytes === 0 ? 'REPORT_EMPTY' : 'REPORT_MALFORMED');
    else if (typeof wanted.note === 'string') expect(codeOf(file, bytes)).not.toBe('read');
    else {
      const report = parseReport(file, bytes);
      expect(report.findings).toHaveLength(wanted.vulnerabilities);
      expect(new Set(report.findings.map(({ source }) => source.id)).size).toBe(wanted.uniqueIds);
      expectAllKept(report.findings);
    }
  });

  eachShared('new against old', byName(osv.diff), (_name, { old, new: next, newVulnerabilities, note }: Expected) => {
    const ids = (file: string, key: (finding: RawFinding) => string) =>
      new Map(parseReport(file, shared(`osv-json/${file}`)).findings.map((entry) => [key(entry), entry.source.id]));
    // A move to another file is new by place; the gate's own identity has no place, so it is not.
    const byPlace = (entry: RawFinding) => `${entry.purl} ${entry.source.id} ${entry.source.location?.path}`;
    const byIdentity = (entry: RawFinding) => `${entry.purl} ${entry.source.id}`;
    const added = (key: (finding: RawFinding) => string) => {
      const before = ids(old, key);
      return [...ids(next, key)].filter(([name]) => !before.has(name)).map(([, id]) => id);
    };
    expect(added(note === undefined ? byIdentity : byPlace)).toEqual(newVulnerabilities);
  });

  eachShared('alias groups', { ...(osv.aliasGroups?.cases ?? []) }, (_name, { input, groups }: Expected) => {
    const sorted = (all: readonly (readonly string[])[]) => all.map((group) => [...group].sort().join(' ')).sort();
    expect(sorted(groupByAliases(input))).toEqual(sorted(groups));
  });
});

function byName(diff: Expected): Record<string, Expected> {
  const cases = [...(diff?.cases ?? []), ...(diff?.byOccurrences ?? [])];
  return Object.fromEntries(cases.map((entry) => [entry.name, entry]));
}

describe('SARIF', () => {
  eachShared('report', sarif.files ?? {}, (file: string, wanted: Expected) => {
    const bytes = shared(`sarif/${file}`);
    if (sarif.schema?.[file] === 'invalid') {
      expect(codeOf(file, bytes)).toBe('REPORT_MALFORMED');
      return;
    }
    const report = parseReport(file, bytes);
    expect(report).toMatchObject({ format: 'sarif', scanner: [...new Set(wanted.tools)].join(', ') });
    expect(report.findings).toHaveLength(wanted.results);
    expect(report.findings.filter(({ source }) => source.suppressed !== undefined)).toHaveLength(wanted.suppressed);
    const unplaced = report.findings.filter(({ source }) => source.location === undefined);
    expect(unplaced).toHaveLength(wanted.resultsWithoutArtifactLocation);
    if (wanted.upstreamSuppressedMessages !== undefined) {
      for (const { title, source } of report.findings) {
        expect(source.suppressed !== undefined).toBe(title === 'Suppressed');
      }
    }
    // Where only the level judges, severities are its image.
    if (wanted.rulesWithSecuritySeverity === 0 && !/gitleaks/i.test(wanted.tools[0] ?? '')) {
      const names: Readonly<Record<string, string>> = {
        error: 'high',
        warning: 'medium',
        note: 'low',
        none: 'informational',
      };
      const levels = Object.entries(wanted.levels as Record<string, number>).map(([level, n]) => [names[level], n]);
      expect(tally(report.findings.map(({ source }) => source.severity))).toEqual(Object.fromEntries(levels));
    }
    expectAllKept(report.findings);
  });

  sharedTest('the constant fingerprint of a logged-out semgrep merges nothing', () => {
    const { findings } = parseReport('semgrep', shared('sarif/defectdojo/issue_10191.json'));
    expect(mergeFindings(findings).length).toBeGreaterThan(60);
  });

  sharedTest('e-mail addresses of commits are in no finding', () => {
    const bytes = shared('sarif/gitleaks/sarif_simple.sarif');
    expect(bytes.toString('utf8')).toMatch(/@\w+\./);
    expect(JSON.stringify(parseReport('gitleaks', bytes))).not.toMatch(/@\w+\.(?:com|org)/);
  });
});

describe('the same scan', () => {
  sharedTest('of trivy as JSON and SARIF', () => {
    const { json, sarif: other, sarifResults, jsonFindings } = trivy.sameScan;
    const [a, b] = [parseReport('j', shared(`trivy-json/${json}`)), parseReport('s', shared(`trivy-json/${other}`))];
    expect([a.findings.length, b.findings.length]).toEqual([jsonFindings, sarifResults]);
    const facts = (list: readonly RawFinding[]) =>
      list
        .map(({ source, name, version, fixedIn }) => `${source.id} ${source.severity} ${name} ${version} ${fixedIn}`)
        .sort();
    expect(facts(b.findings)).toEqual(facts(a.findings));
    // SARIF names no purl; it meets the JSON by name and version.
    expect(mergeFindings([...a.findings, ...b.findings])).toHaveLength(jsonFindings);
  });

  sharedTest('of grype as JSON and SARIF', () => {
    const a = parseReport('j', shared('grype-json/TestJsonImgsPresenter.json'));
    const b = parseReport('s', shared('sarif/grype/TestSarifPresenter_image.sarif'));
    const facts = (list: readonly RawFinding[]) =>
      list.map(
        ({ source, name, version, fixedIn, purl }) =>
          `${source.id} ${source.severity} ${purl} ${name} ${version} ${fixedIn}`,
      );
    expect(facts(b.findings)).toEqual(facts(a.findings));
    expect(mergeFindings([...a.findings, ...b.findings])).toHaveLength(2);
  });
});

test('every case has an assertion', () => {
  for (const set of [grype, trivy, osv, sarif])
    for (const wanted of Object.values(set.files ?? {})) expect(wanted).toBeDefined();
});
