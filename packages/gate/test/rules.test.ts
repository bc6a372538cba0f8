import { describe, expect, test } from '@jest/globals';
import {
  assertOwners,
  type DecisionInput,
  decide,
  explain,
  firstSeenOf,
  fixAdvice,
  mergeFloor,
  ownersOfCodeowners,
  parseEpss,
  parsePolicy,
  type RawFinding,
  type Severity,
} from '@paved/gate';
import { type Expected, eachShared, expectations, shared } from './shared-fixtures.js';

const AS_OF = '2025-08-26T00:00:00Z';

function raw(severity: Severity, more: Partial<RawFinding> = {}): RawFinding {
  return {
    source: { name: 'x', id: 'CVE-2024-0001', severity, report: 'r' },
    ids: ['CVE-2024-0001'],
    kind: 'vulnerability',
    purl: 'pkg:npm/p@1.0.0',
    ecosystem: 'npm',
    name: 'p',
    version: '1.0.0',
    title: '',
    direct: true,
    scope: 'runtime',
    fixedIn: ['1.0.1'],
    ...more,
  };
}

function run(policy: object, findings: readonly RawFinding[], more: Partial<DecisionInput> = {}) {
  return decide({ findings, unchecked: [], policy: parsePolicy(policy), branchProtected: true, asOf: AS_OF, ...more });
}

const epss = (score: number) => ({ epss: { score, percentile: 0.5 } });
const os = { purl: 'pkg:deb/debian/p@1', name: 'p' };

describe('a rule', () => {
  test.each<[string, object, RawFinding, Partial<DecisionInput>, string]>([
    [
      'of a branch that matches',
      { branches: { 'release/*': { medium: 'block' } } },
      raw('medium'),
      { branch: 'release/1' },
      'fail',
    ],
    [
      'of another branch',
      { branches: { 'release/*': { medium: 'block' } } },
      raw('medium'),
      { branch: 'main' },
      'pass',
    ],
    ['of an event', { events: { schedule: { low: 'block' } } }, raw('low'), { event: 'schedule' }, 'fail'],
    ['of a branch cannot relax', { branches: { '*': { high: 'trend' } } }, raw('high'), { branch: 'main' }, 'fail'],
    ['of a kind', { kinds: { sast: { high: 'warn' } } }, raw('high', { kind: 'sast', identity: 'i' }), {}, 'pass'],
    ['of a relation', { relations: { 'base-image': { high: 'warn' } } }, raw('high', os), {}, 'pass'],
    ['of a relation leaves others', { relations: { 'base-image': { high: 'warn' } } }, raw('high'), {}, 'fail'],
    ['about what has no fix', { 'without-fix': 'warn' }, raw('critical', { fixedIn: [] }), {}, 'pass'],
    ['about what has no fix, with a fix', { 'without-fix': 'warn' }, raw('critical'), {}, 'fail'],
    ['above an EPSS', { epss: { above: 0.3 } }, raw('low', epss(0.4)), {}, 'fail'],
    ['below an EPSS', { epss: { above: 0.3 } }, raw('low', epss(0.3)), {}, 'pass'],
    ['of a count', { counts: { low: 0 } }, raw('low'), {}, 'fail'],
    ['of a count that is kept', { counts: { low: 1 } }, raw('low'), {}, 'pass'],
    ['in audit', { counts: { low: 0 }, modes: { count: 'audit' } }, raw('low'), {}, 'pass'],
  ])('%s', (_what, policy, finding, more, verdict) => {
    expect(run(policy, [finding], more).verdict).toBe(verdict);
  });

  test('about reports that must be there', () => {
    const policy = { 'required-reports': { protected: ['sast', 'sbom'], 'release/*': ['dast'] } };
    expect(run(policy, [], { reportKinds: ['sbom'], branch: 'release/1' })).toMatchObject({
      verdict: 'fail',
      missingReports: ['dast', 'sast'],
    });
    expect(run(policy, [], { reportKinds: ['sbom', 'sast'], branch: 'main' }).verdict).toBe('pass');
  });

  test.each([
    ['2025-08-25T12:00:00Z', 'pass'],
    ['2025-08-18T12:00:01Z', 'pass'],
    ['2025-08-18T12:00:00Z', 'fail'],
  ])('about days open: first seen %s: %s', (firstSeen, verdict) => {
    const policy = { thresholds: { high: 'backlog' } };
    const seen = firstSeenOf([
      { identity: 'x', id: 'CVE-2024-0001', aliases: [], package: { purl: 'pkg:npm/p' }, firstSeen },
    ]);
    const decision = run(policy, [raw('high')], { firstSeen: seen, asOf: '2025-08-25T12:00:00.001Z' });
    expect([decision.verdict, decision.findings[0]?.firstSeen]).toEqual([verdict, firstSeen]);
  });

  test('about what a scanner leaves out by itself', () => {
    const hidden = raw('critical', {
      source: { name: 'grype', id: 'CVE-2024-0001', severity: 'critical', report: 'r', suppressed: 'ignored' },
    });
    const decision = run({}, [hidden]);
    expect(decision).toMatchObject({
      verdict: 'fail',
      findings: [{ status: 'suppressed', suppressedBy: { by: 'scanner' }, rule: 'scanner-suppression' }],
    });
    expect(run({ 'scanner-suppressions': 'trend' }, [hidden]).verdict).toBe('pass');
    // One source that shows it is enough.
    expect(run({ 'scanner-suppressions': 'trend' }, [hidden, raw('critical')])).toMatchObject({
      verdict: 'fail',
      findings: [{ status: 'open' }],
    });
  });

  test('about an exception with conditions', () => {
    const exception = {
      id: 'CVE-2024-0001',
      package: 'pkg:npm/p',
      owner: '@o',
      reason: 'r',
      created: '2025-08-01',
      expires: '2025-09-01',
    };
    const verdict = (conditions: object, finding = raw('high', epss(0.1))) =>
      run({ exceptions: [{ ...exception, while: conditions }] }, [finding], { environment: 'test' }).verdict;
    expect(verdict({ 'severity-at-most': 'high', 'epss-below': 0.2, environment: 'test' })).toBe('pass');
    expect(verdict({ 'severity-at-most': 'medium' })).toBe('fail');
    expect(verdict({ 'severity-at-most': 'high' }, raw('unknown'))).toBe('fail');
    expect(verdict({ 'epss-below': 0.1 })).toBe('fail');
    expect(verdict({ 'epss-below': 0.2 }, raw('high'))).toBe('fail');
    expect(verdict({ 'without-fix': true })).toBe('fail');
    expect(verdict({ environment: 'production' })).toBe('fail');
  });

  test('never goes below the floor', () => {
    const floor = parsePolicy({ counts: { low: 1 }, licences: { allow: ['MIT', 'ISC'] }, vex: { authors: ['a'] } });
    const lax = parsePolicy({
      kinds: { secret: { high: 'trend' } },
      relations: { direct: { critical: 'trend' } },
      counts: { low: 9 },
      licences: { allow: ['MIT', 'GPL-3.0-only'] },
      vex: { authors: ['a', 'b'] },
      'scanner-suppressions': 'trend',
      'without-fix': 'trend',
    });
    const merged = mergeFloor(floor, lax);
    expect(merged.kinds.secret?.high).toEqual({ protected: 'block', other: 'block' });
    expect(merged.relations.direct?.critical).toEqual({ protected: 'block', other: 'block' });
    expect(merged).toMatchObject({ counts: { low: 1 }, licences: { allow: ['MIT'] }, vex: { authors: ['a'] } });
    expect([merged.scannerSuppressions.other, merged.withoutFix.other]).toEqual(['block', 'block']);
  });
});

test('explain names every source, rule and exception', () => {
  const exception = {
    id: 'CVE-2024-0001',
    package: 'pkg:npm/q',
    owner: '@o',
    reason: 'r',
    created: '2025-08-01',
    expires: '2025-09-01',
  };
  const input = {
    findings: [raw('high')],
    unchecked: [],
    policy: parsePolicy({ exceptions: [exception] }),
    branchProtected: true,
    asOf: AS_OF,
  };
  const explanation = explain(input, 'CVE-2024-0001');
  expect(explanation).toMatchObject({ id: 'CVE-2024-0001', listed: { kev: 'not checked', epss: 'not checked' } });
  expect(explanation.findings[0]?.steps.map(({ rule, says }) => `${rule} ${says}`)).toEqual([
    'high block',
    'sla trend',
  ]);
  expect(explanation.findings[0]?.exceptions[0]?.refusal).toContain('does not cover');
  expect(explain(input, 'CVE-1999-0001').findings).toEqual([]);
});

test('advice is the smallest upgrade that clears everything, through the dependency that brings it', () => {
  const two = [
    raw('critical', { direct: false, fixedIn: ['1.0.5', '2.0.0'] }),
    raw('critical', {
      direct: false,
      ids: ['CVE-2024-0002'],
      fixedIn: ['1.2.0'],
      source: { name: 'x', id: 'CVE-2024-0002', severity: 'critical', report: 'r' },
    }),
  ];
  const graph = { roots: ['pkg:npm/a@1', 'pkg:npm/b@1'], dependsOn: new Map([['pkg:npm/a@1', ['pkg:npm/p@1.0.0']]]) };
  expect(fixAdvice(run({}, two).findings, graph)).toEqual([
    {
      package: 'pkg:npm/p',
      from: ['1.0.0'],
      to: '1.2.0',
      through: ['pkg:npm/a@1'],
      clears: ['CVE-2024-0001', 'CVE-2024-0002'],
      withoutFix: [],
    },
  ]);
  expect(fixAdvice(run({}, [raw('critical', { fixedIn: [] })]).findings, undefined)[0]).not.toHaveProperty('to');
});

describe('EPSS', () => {
  const { files } = expectations('kev');
  eachShared('scores', { csv: files?.['epss_scores-sample.csv'] }, (_name, wanted: Expected) => {
    const scores = parseEpss(shared('kev/epss_scores-sample.csv').toString('utf8'));
    expect([scores.entries.size, scores.model, scores.released]).toEqual([
      wanted.rows,
      wanted.modelVersion,
      wanted.scoreDate,
    ]);
    expect(scores.entries.get('CVE-2025-9970')?.score).toBe(7e-5);
  });
  const head = '#model_version:v1,score_date:2025-01-01T00:00:00Z\ncve,epss,percentile\n';
  test.each([
    '',
    'cve,epss,percentile\n',
    head,
    `${head}CVE-2024-0001,2,0.5`,
    `${head}CVE-2024-0001,0.5`,
    `${head}CVE-2024-0001,0.5,0.5\nCVE-20`,
  ])('are refused: %j', (text) => {
    expect(() => parseEpss(text)).toThrow(expect.objectContaining({ code: 'EPSS_MALFORMED' }));
  });
});

describe('owners of exceptions', () => {
  eachShared('CODEOWNERS', expectations('codeowners').real ?? {}, (file, { distinctOwners }: Expected) => {
    expect(ownersOfCodeowners(shared(`codeowners/${file}`).toString('utf8')).size).toBe(distinctOwners);
  });
  test('who is nobody cannot be asked', () => {
    const entry = {
      id: 'X',
      package: 'pkg:npm/p',
      owner: '@Octo/Web',
      reason: 'r',
      created: '',
      expires: '',
      kev: false,
    };
    const owners = ownersOfCodeowners(
      '# @octo/not\n*.js @octo/web mail@example.com # @octo/comment\n/a\\ b @octo/space\n/none\n',
    );
    expect([...owners].sort()).toEqual(['@octo/space', '@octo/web', 'mail@example.com']);
    expect(() => assertOwners([entry], owners)).not.toThrow();
    expect(() => assertOwners([{ ...entry, owner: '@octo/gone' }], owners)).toThrow(
      expect.objectContaining({ code: 'EXCEPTION_OWNER_UNKNOWN' }),
    );
  });
});
