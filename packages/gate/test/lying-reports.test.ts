import { describe, expect, test } from '@jest/globals';
import {
  assertFresh,
  DEFAULT_POLICY,
  type DecisionInput,
  decide,
  explain,
  firstSeenOf,
  parseKev,
  parsePolicy,
  parseReport,
  type RawFinding,
  type VexStatement,
} from '@paved/gate';
import { jiraPayload, vulnsPredicates, writeSarif } from '@paved/gate/results';
import { fixture } from './fixture.js';
import { found, verdictOf } from './results-sample.js';

const kev = parseKev(fixture('kev/kev.json'));
const EXPLOITED = 'CVE-2020-0601';

function report(document: object) {
  return parseReport('report.json', Buffer.from(JSON.stringify(document)));
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

const trivy = (id: string) => ({
  SchemaVersion: 2,
  ArtifactName: 'app',
  Results: [
    {
      Target: 'package-lock.json',
      Class: 'lang-pkgs',
      Type: 'npm',
      Vulnerabilities: [{ VulnerabilityID: id, PkgName: 'p', InstalledVersion: '1.0.0', Severity: 'LOW' }],
    },
  ],
});
const grype = (id: string, related: string[] = []) => ({
  descriptor: { name: 'grype', version: '0.90.0' },
  matches: [
    {
      vulnerability: { id, severity: 'Low', fix: { state: 'constructor' } },
      relatedVulnerabilities: related.map((other) => ({ id: other })),
      artifact: { name: 'p', version: '1.0.0', purl: 'pkg:npm/p@1.0.0' },
    },
  ],
});
const sarif = (ruleId: string, more: object = {}) => ({
  version: '2.1.0',
  runs: [
    { tool: { driver: { name: 'Grype' } }, results: [{ ruleId, level: 'note', message: { text: 'x' }, ...more }] },
  ],
});
const osv = (id: string, aliases: string[] = []) => ({
  results: [
    {
      source: { path: 'package-lock.json', type: 'lockfile' },
      packages: [
        {
          package: { name: 'p', version: '1.0.0', ecosystem: 'npm' },
          vulnerabilities: [{ id, modified: '2025-01-01T00:00:00Z', aliases, database_specific: { severity: 'LOW' } }],
        },
      ],
    },
  ],
});
const cycloneDx = (id: string) => ({
  bomFormat: 'CycloneDX',
  components: [{ 'bom-ref': 'p', name: 'p', version: '1.0.0', purl: 'pkg:npm/p@1.0.0' }],
  vulnerabilities: [{ id, ratings: [{ severity: 'low' }], affects: [{ ref: 'p' }] }],
});

describe('what is exploited blocks, however its id is spelt', () => {
  test.each<readonly [string, object]>([
    ['trivy in lower case', trivy(EXPLOITED.toLowerCase())],
    ['trivy with blanks', trivy(` ${EXPLOITED}\n`)],
    ['grype in mixed case', grype('Cve-2020-0601')],
    ['grype beside an advisory', grype('GHSA-aaaa-bbbb-cccc', [EXPLOITED.toLowerCase()])],
    ['grype among many', grype('ELSA-2020-1', ['cve-2020-0601', 'CVE-2020-0002'])],
    ['SARIF in lower case', sarif('cve-2020-0601')],
    ['osv-scanner as an alias', osv('GHSA-aaaa-bbbb-cccc', ['cve-2020-0601'])],
    ['CycloneDX with a blank', cycloneDx('cve-2020-0601 ')],
  ])('%s', (_name, document) => {
    const { verdict, findings } = run(report(document).findings);
    expect(verdict).toBe('fail');
    expect(findings[0]?.kev?.cve).toBe(EXPLOITED);
  });

  test('malware, too', () => {
    expect(run(report(trivy('mal-2025-1')).findings).findings[0]?.kind).toBe('malware');
  });
});

describe('words that every object has are words like others', () => {
  test.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])('%s', (word) => {
    expect(report(sarif('rule', { level: word })).findings[0]?.source.severity).toBe('unknown');
    const document = trivy('CVE-2024-0001');
    const [result] = document.Results;
    const modified = { Type: word, Status: 'ignored', Finding: result?.Vulnerabilities[0] };
    const changed = { ...document, Results: [{ ...result, Class: word, ExperimentalModifiedFindings: [modified] }] };
    const { kinds, findings } = report(changed);
    expect(kinds).toEqual(['sca']);
    expect(findings.map(({ ids }) => ids)).toEqual([['CVE-2024-0001'], ['CVE-2024-0001']]);
    expect(report(grype('CVE-2024-0001')).findings[0]?.fixState).toBe('unknown');
  });
});

function raw(ids: readonly string[], more: Partial<RawFinding> = {}): RawFinding {
  return {
    source: { name: 'osv', id: ids[0] ?? '', severity: 'critical' },
    ids,
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

const waiver = (id: string) => ({
  id,
  package: 'pkg:npm/p',
  owner: '@octo/web',
  reason: 'not reachable',
  created: '2025-08-01',
  expires: '2025-10-01',
});
const policyWith = (...ids: string[]) => parsePolicy({ exceptions: ids.map(waiver), vex: { authors: ['octo'] } });

describe('a report that calls two vulnerabilities one', () => {
  const [waived, other] = [raw(['CVE-2024-0001', 'GHSA-aaaa-aaaa-aaaa']), raw(['CVE-2024-0002'])];
  const lie = raw(['CVE-2024-0001', 'CVE-2024-0002'], { source: { name: 'liar', id: 'X-1', severity: 'low' } });
  const lieByAdvisory = raw(['CVE-2024-0002', 'GHSA-aaaa-aaaa-aaaa']);

  test.each<readonly [string, readonly string[], readonly RawFinding[], string]>([
    ['leaves what is not waived', ['CVE-2024-0001'], [waived, other, lie], 'fail'],
    ['leaves what is not waived, by advisory', ['GHSA-aaaa-aaaa-aaaa'], [waived, other, lieByAdvisory], 'fail'],
    ['waives nothing that is not waived each', ['CVE-2024-0001', 'CVE-2024-0002'], [waived, other, lie], 'pass'],
    ['changes nothing where there is one', ['CVE-2024-0001'], [waived], 'pass'],
    ['changes nothing for a name of it', ['GHSA-aaaa-aaaa-aaaa'], [waived], 'pass'],
  ])('%s', (_name, ids, findings, verdict) => {
    expect(run(findings, { policy: policyWith(...ids) }).verdict).toBe(verdict);
  });

  test('is named by explain', () => {
    const input = {
      findings: [waived, other, lie],
      kev,
      unchecked: [],
      branchProtected: true,
      policy: policyWith('CVE-2024-0001'),
    };
    const { findings } = explain({ ...input, asOf: '2025-08-26T00:00:00Z' }, ' cve-2024-0001 ');
    expect(findings[0]?.exceptions[0]?.refusal).toBe(
      'sources call CVE-2024-0001, CVE-2024-0002 one: each needs an exception',
    );
  });

  const statement = (...ids: string[]): VexStatement => ({
    document: 'vex.json',
    author: 'octo',
    ids,
    products: [{ ids: ['pkg:npm/p'], subcomponents: [] }],
    status: 'not_affected',
    reason: 'not reachable',
    timestamp: '2025-08-01T00:00:00Z',
  });

  test.each<readonly [readonly VexStatement[], string]>([
    [[statement('CVE-2024-0001')], 'fail'],
    [[statement('CVE-2024-0001', 'CVE-2024-0002')], 'pass'],
    [[statement('CVE-2024-0001'), statement('CVE-2024-0002')], 'pass'],
  ])('is not believed against VEX (%#)', (statements, verdict) => {
    const vex = { statements, context: { subjects: [] } };
    expect(run([waived, other, lie], { policy: policyWith(), vex }).verdict).toBe(verdict);
    expect(run([waived], { policy: policyWith(), vex }).verdict).toBe('pass');
  });
});

describe('a report that gives a vulnerability of others a waived name', () => {
  const GHSA = 'GHSA-aaaa-aaaa-aaaa';
  const said = (name: string, ...ids: string[]) =>
    raw(ids, { source: { name, id: ids[0] ?? '', severity: 'critical', report: `${name}.json` } });
  const matched = (...ids: string[]) => raw(ids);
  const lie = said('liar', 'CVE-2024-0002', GHSA);

  test.each<readonly [string, readonly string[], readonly RawFinding[], string]>([
    ['takes nothing from another report', [GHSA], [said('trivy', 'CVE-2024-0002'), lie], 'fail'],
    ['takes nothing from a database', [GHSA], [matched('CVE-2024-0002'), lie], 'fail'],
    ['takes nothing by a CVE', ['CVE-2024-0002'], [said('audit', GHSA), lie], 'fail'],
    [
      'is no database for its name',
      [GHSA],
      [said('trivy', 'CVE-2024-0002'), said('osv', 'CVE-2024-0002', GHSA)],
      'fail',
    ],
    [
      'is not believed for two',
      [GHSA],
      [said('trivy', 'CVE-2024-0002'), lie, said('other', 'CVE-2024-0002', GHSA)],
      'fail',
    ],
    [
      'changes nothing where each name is waived',
      [GHSA, 'CVE-2024-0002'],
      [said('trivy', 'CVE-2024-0002'), lie],
      'pass',
    ],
    ['counts for what it found itself', [GHSA], [lie], 'pass'],
    ['counts where all say it', [GHSA], [lie, said('grype', GHSA, 'CVE-2024-0002')], 'pass'],
    [
      'counts where a database says it',
      [GHSA],
      [said('trivy', 'CVE-2024-0002'), matched('CVE-2024-0002', GHSA)],
      'pass',
    ],
    [
      'counts where databases say it in two steps',
      ['GO-2024-1'],
      [said('trivy', 'CVE-2024-0002'), matched(GHSA, 'CVE-2024-0002'), matched('GO-2024-1', GHSA)],
      'pass',
    ],
  ])('%s', (_name, ids, findings, expected) => {
    expect(run(findings, { policy: policyWith(...ids) }).verdict).toBe(expected);
  });

  test('counts where a database says it of another package', () => {
    const elsewhere = raw(['CVE-2024-0002', GHSA], { purl: 'pkg:npm/q@1.0.0', name: 'q' });
    const { findings } = run([said('trivy', 'CVE-2024-0002'), lie, elsewhere], { policy: policyWith(GHSA) });
    expect(findings.map(({ status, package: named }) => [named?.name, status])).toEqual([
      ['q', 'open'],
      ['p', 'suppressed'],
    ]);
  });

  test('says so where an exception is explained, and uses none of it', () => {
    const policy = policyWith(GHSA);
    const findings = [said('trivy', 'CVE-2024-0002'), lie];
    const about = { findings, kev, unchecked: [], branchProtected: true, policy, asOf: '2025-08-26T00:00:00Z' };
    expect(explain(about, GHSA).findings[0]?.exceptions[0]?.refusal).toBe(
      `no database calls CVE-2024-0002, ${GHSA} one: each needs an exception`,
    );
    expect(run(findings, { policy }).exceptions).toMatchObject([{ state: 'unused' }]);
    expect(JSON.stringify(run(findings, { policy }).findings)).not.toContain('partialNames');
  });

  test.each<readonly [readonly string[], readonly string[], string]>([
    [['CVE-2024-0002'], [GHSA], 'pass'],
    [[GHSA], [], 'fail'],
    [[GHSA], ['CVE-2024-0002'], 'pass'],
    [[GHSA, 'CVE-2024-0002'], [], 'pass'],
  ])('is not believed against VEX about %j and %j', (ids, others, verdict) => {
    const statements = [ids, others]
      .filter((names) => names.length > 0)
      .map(
        (names): VexStatement => ({
          ...{ document: 'vex.json', author: 'octo', ids: names, status: 'not_affected', reason: 'not reachable' },
          ...{ timestamp: '2025-08-01T00:00:00Z', products: [{ ids: ['pkg:npm/p'], subcomponents: [] }] },
        }),
      );
    const vex = { statements, context: { subjects: [] } };
    const findings = [said('trivy', 'CVE-2024-0002'), lie];
    expect(run(findings, { policy: policyWith(), vex }).verdict).toBe(verdict);
  });

  test.each<readonly [readonly string[], string]>([
    [[], 'fail'],
    [[EXPLOITED], 'fail'],
    [[GHSA], 'fail'],
    [[EXPLOITED, GHSA], 'pass'],
  ])('and what is exploited needs exceptions by name: %j, %s', (ids, verdict) => {
    const findings = [said('audit', GHSA), said('trivy', EXPLOITED), said('grype', EXPLOITED, GHSA)];
    const exceptions = ids.map((id) => ({ ...waiver(id), kev: id === EXPLOITED }));
    expect(run(findings, { policy: parsePolicy({ exceptions }) }).verdict).toBe(verdict);
    expect(run(findings, { policy: policyWith(...ids) }).verdict).toBe('fail');
  });
});

describe('a statement about an image', () => {
  const hex = 'a'.repeat(64);
  const image = `pkg:oci/app@sha256%3A${hex}`;
  const located = `${image}?repository_url=r.example%2Focto%2Fapp`;
  const subjects = [`sha256:${hex}`, hex, `r.example/octo/app@sha256:${hex}`, image, located];

  test.each<readonly [string, string]>([
    ['pkg:oci/app', 'fail'],
    ['pkg:oci/app?arch=amd64', 'fail'],
    ['pkg:oci/app?repository_url=r.example/other/app', 'fail'],
    ['pkg:oci/app?repository_url=r.example/octo/app', 'pass'],
    [image, 'pass'],
    [located, 'pass'],
    [`sha256:${hex}`, 'pass'],
  ])('of the name %s: %s', (id, verdict) => {
    const statement: VexStatement = {
      ...{ document: 'vex.json', author: 'octo', ids: ['CVE-2024-0002'], status: 'not_affected', reason: 'x' },
      ...{ timestamp: '2025-08-01T00:00:00Z', products: [{ ids: [id], subcomponents: [] }] },
    };
    const vex = { statements: [statement], context: { subjects } };
    expect(run([raw(['CVE-2024-0002'])], { policy: policyWith(), vex }).verdict).toBe(verdict);
  });
});

test('a waiver of a package does not reach one of that name in another ecosystem', () => {
  const exact = raw(['CVE-2024-0001']);
  const guessed = raw(['CVE-2024-0001'], { purl: 'pkg:pypi/p@1.0.0', inferred: true, ecosystem: 'PyPI' });
  const unknown = raw(['CVE-2024-0001'], { purl: 'pkg:generic/p@1.0.0', inferred: true, ecosystem: 'purl:generic' });
  const policy = policyWith('CVE-2024-0001');
  expect(run([exact, guessed], { policy }).verdict).toBe('fail');
  expect(run([exact, unknown], { policy }).verdict).toBe('pass');
});

test('evidence from the future is not fresh', () => {
  const limits = { asOf: '2025-08-26T00:00:00Z', at: '2025-09-26T00:00:00Z', maxAgeMs: 86_400_000 };
  const fresh = (time: string) => () => assertFresh('the database', time, limits, 'DATABASE_STALE');
  // A repeated decision has a copy of today; no copy is of tomorrow, but for clocks and time zones.
  expect(fresh('2025-09-26T00:00:00Z')).not.toThrow();
  expect(fresh('2025-09-27T00:00:00Z')).not.toThrow();
  expect(fresh('2025-09-27T00:00:01Z')).toThrow(expect.objectContaining({ code: 'DATABASE_STALE' }));
  expect(fresh('2099-01-01T00:00:00Z')).toThrow(expect.objectContaining({ code: 'DATABASE_STALE' }));
  expect(fresh('2025-08-24T23:59:59Z')).toThrow(expect.objectContaining({ code: 'DATABASE_STALE' }));
});

test.each<readonly [string, string]>([
  ['9999-01-01T00:00:00Z', '2025-08-27T00:00:00.000Z'],
  ['+010000-01-01T00:00:00Z', '2025-08-27T00:00:00.000Z'],
  ['no time', '2025-08-27T00:00:00.000Z'],
  ['2025-08-20T02:00:00+02:00', '2025-08-21T00:00:00.000Z'],
])('an earlier verdict that saw it first at %s', (firstSeen, dueAt) => {
  const seen = { identity: 'x', id: 'CVE-2024-0002', aliases: [], package: { purl: 'pkg:npm/p' }, firstSeen };
  const { findings } = run([raw(['CVE-2024-0002'])], { firstSeen: firstSeenOf([seen]) });
  expect(findings[0]?.dueAt).toBe(dueAt);
});

describe('a title that brings its own escapes', () => {
  const title = '\\[free](https://evil.example)';

  test('is no link in SARIF', () => {
    const tool = { name: 'paved', version: '1.0.0', uri: 'https://example.org' };
    const { text } = writeSarif([found({ title })], { tool, category: 'c', manifests: [], fallbackPath: 'README.md' });
    const message: string = JSON.parse(text).runs[0].results[0].message.text;
    expect(message.replaceAll(/\\[\\[\]]/g, '')).not.toMatch(/[[\]\\]/);
  });

  test('is no link in Jira', () => {
    const { description } = jiraPayload(found({ title }), {
      subject: 'app',
      owners: [],
      detailsUrl: 'https://example.org/1',
      project: 'SEC',
    }).fields;
    expect(description.split('\n')[0]?.replaceAll(/\\[\\[\]]/g, '')).not.toMatch(/[[\]\\]/);
  });
});

describe('half a character', () => {
  const HALF = '\ud800';

  test.each<readonly [string, (text: string) => object]>([
    [
      'osv-scanner',
      (text) => {
        const document = osv('GHSA-aaaa-bbbb-cccc');
        const [result] = document.results;
        const [entry] = result?.packages ?? [];
        const named = { name: text, version: text, ecosystem: 'crates.io' };
        return { results: [{ ...result, packages: [{ ...entry, package: named }] }] };
      },
    ],
    ['trivy', (text) => JSON.parse(JSON.stringify(trivy('CVE-2024-0001')).replaceAll('"1.0.0"', JSON.stringify(text)))],
    ['grype', (text) => JSON.parse(JSON.stringify(grype('CVE-2024-0001')).replaceAll('"1.0.0"', JSON.stringify(text)))],
  ])('in a report of %s ends in a verdict', (_name, document) => {
    const { findings } = report(document(HALF));
    const policy = parsePolicy({
      exceptions: [{ ...waiver('CVE-2024-0001'), package: 'pkg:npm/p@1.*' }],
      vex: { authors: ['octo'] },
    });
    expect(run(findings, { policy }).findings).toHaveLength(1);
  });

  test('and a name that every object has name a scanner as others do', () => {
    for (const scanner of [HALF, 'constructor']) {
      const finding = found({ sources: [{ name: scanner, id: 'X-1', severity: 'low' }] });
      const all = vulnsPredicates(verdictOf([finding]));
      const own = all.find((entry) => entry.scanner === scanner);
      expect(JSON.stringify(own?.predicate)).toContain('urn:paved:scanner:');
    }
  });
});
