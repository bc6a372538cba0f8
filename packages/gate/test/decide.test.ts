import { describe, expect, test } from '@jest/globals';
import {
  DEFAULT_POLICY,
  type DecisionInput,
  decide,
  matchOsv,
  parseKev,
  parsePolicy,
  type RawFinding,
  type Severity,
} from '@paved/gate';
import { component, fixture, goRecord } from './fixture.js';

const kev = parseKev(fixture('kev/kev.json'));

function raw(severity: Severity, more: Partial<RawFinding> = {}): RawFinding {
  return {
    source: { name: 'osv', id: 'GHSA-1', severity },
    ids: ['GHSA-1', 'CVE-2024-0001'],
    kind: 'vulnerability',
    purl: 'pkg:npm/p@1.0.0',
    ecosystem: 'npm',
    name: 'p',
    version: '1.0.0',
    title: 'title',
    direct: true,
    scope: 'runtime',
    ...more,
  };
}

function run(findings: readonly RawFinding[], more: Partial<DecisionInput> = {}) {
  return decide({
    findings,
    kev,
    unchecked: [],
    policy: DEFAULT_POLICY,
    branchProtected: true,
    asOf: '2025-08-26T00:00:00Z',
    ...more,
  });
}

const waiver = {
  id: 'CVE-2024-0001',
  package: 'pkg:npm/p',
  owner: '@octo/web',
  reason: 'not reachable',
  created: '2025-08-01',
  expires: '2025-10-01',
};
const withExceptions = (...exceptions: object[]) => ({ policy: parsePolicy({ version: 1, exceptions }) });

describe('the default policy', () => {
  test.each<[Severity, string, string]>([
    ['critical', 'fail', 'fail'],
    ['high', 'fail', 'pass'],
    ['unknown', 'fail', 'pass'],
    ['medium', 'pass', 'pass'],
    ['low', 'pass', 'pass'],
    ['informational', 'pass', 'pass'],
  ])('%s: %s on a protected branch, %s elsewhere', (severity, onProtected, elsewhere) => {
    expect(run([raw(severity)]).verdict).toBe(onProtected);
    expect(run([raw(severity)], { branchProtected: false }).verdict).toBe(elsewhere);
  });

  test('passes with nothing found', () => {
    expect(run([])).toMatchObject({ verdict: 'pass', findings: [] });
  });

  test('an ecosystem without data is not clean', () => {
    const unchecked = [{ ecosystem: 'PyPI', packages: 3 }];
    expect(run([], { unchecked }).verdict).toBe('fail');
    const policy = parsePolicy({ version: 1, 'not-checked': { allow: ['PyPI'] } });
    expect(run([], { unchecked, policy })).toMatchObject({
      verdict: 'pass',
      unchecked: [{ ecosystem: 'PyPI', packages: 3, allowed: true }],
    });
  });

  test('audit says what it would have done', () => {
    const policy = parsePolicy({ version: 1, modes: { critical: 'audit' } });
    const decision = run([raw('critical')], { policy });
    expect(decision.verdict).toBe('pass');
    expect(decision.rules.find(({ id }) => id === 'critical')).toMatchObject({ outcome: 'audit', open: 1 });
  });

  test('an environment can only tighten', () => {
    const policy = parsePolicy({
      version: 1,
      environments: { production: { medium: 'block', critical: 'trend' } },
    });
    expect(run([raw('medium')], { policy, environment: 'production' }).verdict).toBe('fail');
    expect(run([raw('critical')], { policy, environment: 'production' }).verdict).toBe('fail');
    expect(run([raw('medium')], { policy, environment: 'staging' }).verdict).toBe('pass');
    expect(run([raw('medium')], { policy, environment: '__proto__' }).verdict).toBe('pass');
  });
});

describe('KEV', () => {
  const exploited = raw('low', { ids: ['GHSA-1', 'CVE-2020-0601'] });

  test('blocks whatever the severity, found by any alias', () => {
    const decision = run([exploited], { branchProtected: false });
    expect(decision.verdict).toBe('fail');
    expect(decision.findings[0]).toMatchObject({ rule: 'kev', action: 'block', kev: { cve: 'CVE-2020-0601' } });
  });

  test('by an alias that only another source knows', () => {
    const other = raw('low', { source: { name: 'x', id: 'X-1', severity: 'low' }, ids: ['X-1', 'GHSA-1'] });
    expect(run([other, exploited]).findings).toHaveLength(1);
    expect(run([other, exploited]).verdict).toBe('fail');
  });

  test('the real advisory of the Go database', () => {
    const find = (version: string) =>
      matchOsv([component(`pkg:golang/stdlib@${version}`)], [goRecord('GO-2022-0535')]).findings;
    expect(run(find('1.13.3'), { branchProtected: false })).toMatchObject({
      verdict: 'fail',
      findings: [{ id: 'CVE-2020-0601', aliases: ['GO-2022-0535'], rule: 'kev', fixedIn: ['1.13.7'] }],
    });
    // One changed character of the version, and nothing is found.
    expect(run(find('1.13.7'), { branchProtected: false })).toMatchObject({ verdict: 'pass', findings: [] });
  });

  test('a related id is no alias', () => {
    const raws = matchOsv([component('pkg:golang/stdlib@1.20.9')], [goRecord('GO-2023-2102')]).findings;
    expect(run(raws, { branchProtected: false }).findings[0]?.kev).toBeUndefined();
  });

  test.each<[string, object, string]>([
    ['an exception for the CVE', { ...waiver, id: 'CVE-2020-0601' }, 'fail'],
    ['an exception for its alias', { ...waiver, id: 'GHSA-1' }, 'fail'],
    ['a waiver for another CVE', { ...waiver, id: 'CVE-2020-0602', kev: true }, 'fail'],
    ['a waiver that names it', { ...waiver, id: 'CVE-2020-0601', kev: true }, 'pass'],
    ['a waiver that has ended', { ...waiver, id: 'CVE-2020-0601', kev: true, expires: '2025-08-26' }, 'fail'],
  ])('%s: %s', (_what, exception, verdict) => {
    expect(run([exploited], withExceptions(exception)).verdict).toBe(verdict);
  });

  test('no threshold, mode or environment lifts it', () => {
    const policy = parsePolicy({
      version: 1,
      thresholds: Object.fromEntries(['critical', 'high', 'medium', 'low', 'unknown'].map((name) => [name, 'trend'])),
      modes: { low: 'audit', critical: 'audit' },
    });
    expect(run([exploited], { policy }).verdict).toBe('fail');
  });
});

describe('exceptions', () => {
  test.each<[string, object, boolean]>([
    ['by CVE', waiver, true],
    ['by alias', { ...waiver, id: 'GHSA-1' }, true],
    ['for the version', { ...waiver, package: 'pkg:npm/p@1.0.0' }, true],
    ['for a pattern of versions', { ...waiver, package: 'pkg:npm/p@1.*' }, true],
    ['for another version', { ...waiver, package: 'pkg:npm/p@1.0.1' }, false],
    ['for another package', { ...waiver, package: 'pkg:npm/q' }, false],
    ['for a pattern of packages', { ...waiver, package: 'pkg:npm/*' }, true],
    ['for another type', { ...waiver, package: 'pkg:pypi/*' }, false],
    ['for another id', { ...waiver, id: 'CVE-2024-0002' }, false],
    ['in the future', { ...waiver, created: '2025-08-27' }, false],
    ['that has ended', { ...waiver, expires: '2025-08-26' }, false],
  ])('%s', (_what, exception, suppressed) => {
    const decision = run([raw('critical')], withExceptions(exception));
    expect(decision.findings[0]?.status).toBe(suppressed ? 'suppressed' : 'open');
    expect(decision.verdict).toBe(suppressed ? 'pass' : 'fail');
  });

  test('a version pattern does not except another version of the same package', () => {
    const two = [raw('critical'), raw('critical', { purl: 'pkg:npm/p@2.0.0', version: '2.0.0' })];
    expect(run(two, withExceptions({ ...waiver, package: 'pkg:npm/p@1.0.0' })).verdict).toBe('fail');
  });

  test('are reported: used, unused, ended, and ahead of their end', () => {
    const exceptions = [
      { ...waiver, expires: '2025-09-05' },
      { ...waiver, id: 'CVE-1999-0001' },
      { ...waiver, id: 'CVE-1999-0002', expires: '2025-08-02' },
      { ...waiver, id: 'CVE-1999-0003', created: '2025-09-01' },
    ];
    const report = run([raw('critical')], withExceptions(...exceptions)).exceptions;
    expect(report.map(({ id, state, daysLeft, endsSoon }) => [id, state, daysLeft, endsSoon])).toEqual([
      ['CVE-1999-0001', 'unused', 36, false],
      ['CVE-1999-0002', 'expired', -24, false],
      ['CVE-1999-0003', 'future', 36, false],
      ['CVE-2024-0001', 'used', 10, true],
    ]);
  });
});

describe('merging', () => {
  test('keeps every source and shows that they disagree', () => {
    const other = raw('medium', { source: { name: 'osv-scanner', id: 'CVE-2024-0001', severity: 'medium' } });
    expect(run([raw('high'), other]).findings).toEqual([
      expect.objectContaining({
        id: 'CVE-2024-0001',
        aliases: ['GHSA-1'],
        severity: 'high',
        disagreement: true,
        sources: [
          { name: 'osv', id: 'GHSA-1', severity: 'high' },
          { name: 'osv-scanner', id: 'CVE-2024-0001', severity: 'medium' },
        ],
      }),
    ]);
  });

  test('keeps packages apart', () => {
    const other = raw('high', { purl: 'pkg:npm/q@1.0.0', name: 'q' });
    expect(run([raw('high'), other]).findings).toHaveLength(2);
  });

  test('gives the same bytes whatever the order', () => {
    const all = ['critical', 'high', 'unknown', 'low', 'medium'].flatMap((severity, index) => [
      raw(severity as Severity, {
        ids: [`GHSA-${index}`, `CVE-2024-000${index}`],
        source: { name: 'osv', id: `GHSA-${index}`, severity: severity as Severity },
      }),
      raw('low', {
        ids: [`CVE-2024-000${index}`, `X-${9 - index}`],
        source: { name: 'b', id: `X-${9 - index}`, severity: 'low' },
        title: `title ${index}`,
      }),
    ]);
    const unchecked = [
      { ecosystem: 'PyPI', packages: 1 },
      { ecosystem: 'Maven', packages: 2 },
    ];
    const bytes = JSON.stringify(run(all, { unchecked }));
    expect(JSON.stringify(run([...all].reverse(), { unchecked: [...unchecked].reverse() }))).toBe(bytes);
    expect(JSON.stringify(run([...all.slice(4), ...all.slice(0, 4)], { unchecked }))).toBe(bytes);
  });
});
