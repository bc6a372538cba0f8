import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { TestContextOptions } from '@paved/runner-kit/testing';
import { AS_OF, type Scenario, scenario } from './scenario.js';

/** Reports alone; `r` is the one report of each case. */
const ALONE = { sboms: '', 'subjects-path': '', 'osv-database': '', kev: '', reports: 'r' } as const;
const GRYPE = {
  matches: [],
  descriptor: { name: 'grype', timestamp: AS_OF, db: { status: { built: '2025-08-25T00:00:00Z' } } },
};
const IMAGE = `sha256:${'a'.repeat(64)}`;
const sarif = (results: unknown, more: object = {}) => ({
  version: '2.1.0',
  runs: [{ tool: { driver: { name: 'Tool' } }, results, ...more }],
});
const results = (count: number) => Array.from({ length: count }, () => ({ ruleId: 'r' }));
const exception = (more: object) => ({
  exceptions: [
    { id: 'CVE-2024-1', package: 'pkg:npm/p', reason: 'r', created: '2025-08-01', expires: '2025-09-01', ...more },
  ],
});

interface Case {
  readonly report?: string | Buffer | object;
  readonly inputs?: Readonly<Record<string, string>>;
  readonly context?: TestContextOptions;
}

/** One row per way in which there is no answer, each with its code; none of them writes a verdict that passes. */
const CASES: readonly (readonly [what: string, code: string, given: Case])[] = [
  ['an empty file', 'REPORT_EMPTY', { report: '' }],
  ['a blank file', 'REPORT_EMPTY', { report: ' \n' }],
  ['an empty file that is packed', 'REPORT_EMPTY', { report: gzipSync('') }],
  ['truncated JSON', 'REPORT_MALFORMED', { report: JSON.stringify(GRYPE).slice(0, -9) }],
  ['truncated gzip', 'REPORT_MALFORMED', { report: gzipSync(JSON.stringify(GRYPE)).subarray(0, -9) }],
  ['what a scanner prints when it panics', 'REPORT_MALFORMED', { report: 'panic: runtime error: invalid memory' }],
  ['the error document of a scanner', 'REPORT_MALFORMED', { report: { error: 'TOOMANYREQUESTS' } }],
  ['a list of something else', 'REPORT_MALFORMED', { report: sarif(42) }],
  [
    'a scanner that says it crashed',
    'SCANNER_FAILED',
    { report: sarif([], { invocations: [{ executionSuccessful: false }] }) },
  ],
  ['a scanner that listed nothing at all', 'GATE_BLOCKED', { report: sarif(undefined) }],
  ['another kind of document', 'REPORT_UNSUPPORTED', { report: { spdxVersion: 'SPDX-2.3' } }],
  ['`null`', 'REPORT_UNSUPPORTED', { report: 'null' }],
  ['a report that is not there', 'FILE_UNREADABLE', {}],
  [
    'a stale database',
    'DATABASE_STALE',
    { report: GRYPE, inputs: { 'max-age': '5d', 'as-of': '2025-08-30T12:00:00Z' } },
  ],
  [
    'a stale database where no age is asked for',
    'GATE_BLOCKED',
    { report: GRYPE, inputs: { 'as-of': '2025-09-01T12:00:00Z' } },
  ],
  [
    'a report that is too old itself',
    'REPORT_STALE',
    {
      report: { ...GRYPE, descriptor: { name: 'grype', timestamp: '2025-08-01T00:00:00Z' } },
      inputs: { 'max-age': '5d' },
    },
  ],
  [
    'a report of another digest',
    'REPORT_SUBJECT_MISMATCH',
    {
      report: { ...GRYPE, source: { target: { manifestDigest: `sha256:${'b'.repeat(64)}` } } },
      inputs: { 'subject-digest': IMAGE },
    },
  ],
  [
    'a required report that is absent',
    'GATE_BLOCKED',
    { report: GRYPE, inputs: { policy: JSON.stringify({ 'required-reports': ['sca', 'dast'] }) } },
  ],
  [
    'an exception without an owner',
    'POLICY_INVALID',
    { report: GRYPE, inputs: { policy: JSON.stringify(exception({})) } },
  ],
  [
    'an exception without an end',
    'POLICY_INVALID',
    { report: GRYPE, inputs: { policy: JSON.stringify(exception({ owner: '@o', expires: undefined })) } },
  ],
  [
    'an exception from the pull request itself',
    'EXCEPTION_FROM_PULL_REQUEST',
    {
      report: GRYPE,
      inputs: { policy: JSON.stringify(exception({ owner: '@o' })) },
      context: { facts: { eventName: 'pull_request' } },
    },
  ],
  ['a policy that is no YAML', 'POLICY_UNREADABLE', { report: GRYPE, inputs: { policy: '{"a": &x [*x' } }],
  ['a report above 128 MiB', 'REPORT_TOO_LARGE', { report: Buffer.alloc(128 * 1024 * 1024 + 1, 0x20) }],
  ['gzip of more than that', 'REPORT_TOO_LARGE', { report: gzipSync(Buffer.alloc(129 * 1024 * 1024)) }],
  ['nesting without end', 'REPORT_TOO_LARGE', { report: '['.repeat(1_000_000) }],
  ['a million results', 'REPORT_TOO_LARGE', { report: sarif(results(1_000_000)) }],
  [
    'a release by its reports alone, where nobody asked what is exploited',
    'GATE_BLOCKED',
    { report: GRYPE, inputs: { 'subject-digest': IMAGE } },
  ],
  ['no report at all', 'NOTHING_TO_JUDGE', { inputs: { reports: '' } }],
];

describe('never a pass', () => {
  let s: Scenario | undefined;
  afterEach(async () => await s?.kit.dispose());

  test.each(CASES)('%s: %s', async (_what, code, { report, inputs = {}, context = {} }) => {
    s = await scenario(context);
    if (report !== undefined) {
      await s.write('r', typeof report === 'string' || Buffer.isBuffer(report) ? report : JSON.stringify(report));
    }
    const answer = s.verdict({ ...ALONE, ...inputs });
    if (code === 'GATE_BLOCKED') {
      expect(await answer).toMatchObject({ verdict: 'fail', message: expect.stringContaining(code) });
    } else await expect(answer).rejects.toMatchObject({ code });
  });

  test('the harmless report of these cases does pass', async () => {
    s = await scenario();
    await s.write('r', JSON.stringify(GRYPE));
    expect((await s.verdict(ALONE)).verdict).toBe('pass');
    const released = { 'subject-digest': IMAGE, kev: 'kev.json' };
    expect((await s.verdict({ ...ALONE, ...released })).verdict).toBe('pass');
  });
});

describe('reports as people have them', () => {
  let s: Scenario;
  beforeEach(async () => {
    s = await scenario();
  });
  afterEach(() => s.kit.dispose());

  test('packed, in a folder, of one scanner several times', async () => {
    const finding = (id: string) => ({
      vulnerability: { id, severity: 'Low' },
      artifact: { name: 'p', version: '1.0.0', purl: 'pkg:npm/p@1.0.0' },
    });
    const document = (...ids: readonly string[]) => JSON.stringify({ ...GRYPE, matches: ids.map(finding) });
    await s.write('scans/a.json', document('CVE-2024-0001', 'CVE-2024-0002'));
    await s.write('scans/b.json.gz', gzipSync(document('CVE-2024-0001')));
    await s.write('scans/c.sarif', JSON.stringify(sarif([{ ruleId: 'x', message: { text: 'm' } }])));
    await s.write('scans/README.md', 'not a report');
    const verdict = await s.verdict({ ...ALONE, reports: 'scans' });
    expect(verdict.documents.map(({ name, matches }) => [name, matches])).toEqual([
      ['a.json', 2],
      ['b.json.gz', 1],
      ['c.sarif', 1],
    ]);
    expect(verdict.counts).toMatchObject({ matches: 4, findings: 3 });
  });

  test('hostile text is one bounded line, and starts nothing in the summary', async () => {
    const text = `![x](https://evil.example/i.png) @everyone <img src=x>\n::error::owned\n| a | b |${'y'.repeat(100_000)}`;
    await s.write('r', JSON.stringify(sarif([{ ruleId: text, level: 'error', message: { text } }])));
    const verdict = await s.verdict(ALONE);
    expect(verdict.findings).toHaveLength(1);
    expect(JSON.stringify(verdict.findings).length).toBeLessThan(4000);
    const summary = s.kit.summary();
    expect(summary).not.toMatch(/!\[x]\(|<img|^::error/m);
    expect(summary).not.toMatch(/(?<![\w&#;\\])@everyone/);
  });
});
