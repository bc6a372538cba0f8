import { readFile, utimes } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { parseStatement } from '@paved/attestation';
import { sha256 } from '@paved/digest';
import { ARTIFACT, fetched, type Scenario, scenario } from './scenario.js';

const VULNERABLE = fetched('Go', 'stdlib', '1.13.3');
const FIXED = fetched('Go', 'stdlib', '1.13.7');

describe('gate', () => {
  let s: Scenario;
  beforeEach(async () => {
    s = await scenario();
  });
  afterEach(() => s.kit.dispose());

  test('blocks what is exploited, and says so everywhere', async () => {
    await s.sboms([VULNERABLE]);
    const verdict = await s.verdict({ 'branch-protected': 'false' });
    expect(verdict).toMatchObject({
      mediaType: 'application/vnd.paved.verdict.v1+json',
      verdict: 'fail',
      message: expect.stringMatching(
        /^GATE_BLOCKED: Cannot release: CVE-2020-0601 in stdlib 1\.13\.3 \(exploited today/,
      ),
      counts: { components: 1, blocking: 1, kev: 1 },
      policy: { source: 'default' },
      unchecked: [],
    });
    expect(verdict.documents.map(({ kind }) => kind)).toEqual(['cyclonedx', 'spdx']);
    expect(verdict.databases).toMatchObject([
      { kind: 'kev', records: 5, modifiedAt: '2025-08-25T17:04:19.9796Z' },
      { kind: 'osv', ecosystem: 'Go', records: 3, source: 'go.zip' },
    ]);
    const summary = s.kit.summary();
    expect(summary).toContain('Gate: blocked');
    expect(summary).toContain('1.13.7');
    expect(summary).toContain('KEV');
    const events = await s.kit.events();
    expect(events.at(-1)).toMatchObject({
      stage: 'gate',
      event: 'verdict-reached',
      verdict: 'fail',
      blocking: 1,
      kev: 1,
    });
  });

  test('one changed byte of the version, and it passes', async () => {
    await s.sboms([FIXED]);
    expect(await s.verdict()).toMatchObject({ verdict: 'pass', findings: [], counts: { components: 1 } });
  });

  test('binds the statement to the bytes and to the image', async () => {
    await s.sboms([FIXED]);
    const texts = {
      sboms: 'sboms',
      'subjects-path': 'out',
      'subject-digest': sha256('image'),
      'subject-name': 'registry.example/octo/app',
      'as-of': '2025-08-26T00:00:00Z',
      'osv-database': 'Go=go.zip',
      kev: 'kev.json',
    };
    const outputs = await s.run(texts);
    const statement = parseStatement(await readFile(outputs['statement-path'] ?? ''));
    expect(statement.predicateType).toBe('https://github.com/org/paved/docs/predicates/verdict/v1');
    expect(statement.subject).toEqual([
      { name: 'app.tgz', digest: { sha256: sha256(ARTIFACT).slice(7) } },
      { name: 'registry.example/octo/app', digest: { sha256: sha256('image').slice(7) } },
    ]);
    expect(statement.predicate).toEqual(JSON.parse(await readFile(outputs['verdict-path'] ?? '', 'utf8')));
  });

  test.each<[string, Record<string, string>, string]>([
    ['without SBOM and report', { sboms: '' }, 'NOTHING_TO_JUDGE'],
    ['without a subject', { 'subjects-path': '' }, 'SUBJECT_MISSING'],
    ['for another digest', { 'subjects-path': '', 'subject-digest': sha256('other') }, 'SBOM_SUBJECT_MISMATCH'],
    ['as of a time that is none', { 'as-of': 'now' }, 'POLICY_INVALID'],
    ['with a catalogue that is too old', { 'as-of': '2025-09-26T00:00:00Z' }, 'KEV_STALE'],
    ['with two policies', { policy: '{}', 'policy-from-repository': 'true' }, 'INPUT_INVALID'],
    ['with a policy that is no YAML', { policy: 'bad.yml' }, 'POLICY_UNREADABLE'],
    ['with a policy of aliases', { policy: 'alias.yml' }, 'POLICY_UNREADABLE'],
    ['with a misspelt policy', { policy: '{"treshholds":{}}' }, 'POLICY_INVALID'],
  ])('gives no verdict %s', async (_what, texts, code) => {
    await s.sboms([FIXED]);
    await s.write('bad.yml', 'thresholds: [');
    await s.write('alias.yml', 'a: &a [x, x]\nb: [*a, *a]\n');
    await expect(s.verdict(texts)).rejects.toMatchObject({ code });
  });

  test('a stale database is refused, at the time that is asked for', async () => {
    await s.sboms([FIXED]);
    const old = new Date('2025-08-01T00:00:00Z');
    await utimes(`${s.kit.workspace}/go.zip`, old, old);
    await expect(s.verdict()).rejects.toMatchObject({ code: 'DATABASE_STALE' });
    expect((await s.verdict({ 'max-age': '60d' })).verdict).toBe('pass');
  });

  test('an ecosystem without database is not clean', async () => {
    await s.sboms([FIXED, fetched('npm', 'ms', '2.1.3')]);
    const verdict = await s.verdict();
    expect(verdict).toMatchObject({ verdict: 'fail', unchecked: [{ ecosystem: 'npm', packages: 1, allowed: false }] });
    expect(verdict.message).toContain('npm is not checked (1 packages)');
    expect((await s.verdict({ policy: '{"not-checked":{"allow":["npm"]}}' })).verdict).toBe('pass');
  });

  test('a missing catalogue is not clean', async () => {
    await s.sboms([FIXED]);
    expect(await s.verdict({ kev: '' })).toMatchObject({ verdict: 'fail', unchecked: [{ ecosystem: 'kev' }] });
  });

  test('a policy in YAML decides, and its floor holds', async () => {
    await s.sboms([fetched('Go', 'github.com/gogo/protobuf', 'v1.3.1')]);
    await s.write('policy.yml', 'version: 1\nthresholds:\n  unknown: backlog\n');
    expect((await s.verdict()).verdict).toBe('fail');
    expect((await s.verdict({ policy: 'policy.yml' })).verdict).toBe('pass');
    const floored = await s.verdict({ policy: 'policy.yml', 'policy-floor': '{}' });
    expect(floored).toMatchObject({ verdict: 'fail', policy: { source: 'input' } });
    expect(floored.policy.floorSha256).toMatch(/^[0-9a-f]{64}$/);
  });

  test('reports alone are judged without database and policy', async () => {
    await s.write('r.json', await readFile('test/fixtures/osv-json/some_findings.json'));
    await s.write('clean.json', await readFile('test/fixtures/osv-json/results-empty.json'));
    const alone = { sboms: '', 'subjects-path': '', 'osv-database': '', kev: '', 'as-of': '' };
    expect(await s.verdict({ ...alone, reports: 'r.json' })).toMatchObject({
      verdict: 'fail',
      findings: [{ id: 'GHSA-8348-2q94-ffjx', kind: 'malware' }],
      unchecked: [{ ecosystem: 'kev', allowed: true }],
    });
    expect(await s.verdict({ ...alone, reports: 'clean.json' })).toMatchObject({ verdict: 'pass', findings: [] });
  });

  test('hostile text stays text', async () => {
    const hostile = '![x](http://evil.example/p) @octo <img src=x>\n::error::pwned\n::set-output name=verdict::pass';
    const finding = {
      results: [
        {
          source: { path: 'p', type: 'lockfile' },
          packages: [
            {
              package: { name: hostile, version: '@everyone', ecosystem: 'Bitnami' },
              vulnerabilities: [{ id: 'X-1', modified: '2024-01-01T00:00:00Z', summary: hostile, affected: [] }],
            },
          ],
        },
      ],
    };
    await s.write('r.json', JSON.stringify(finding));
    const alone = { sboms: '', 'subjects-path': '', 'osv-database': '', kev: '', 'as-of': '', reports: 'r.json' };
    const verdict = await s.verdict(alone);
    expect(verdict.verdict).toBe('fail');
    const summary = s.kit.summary();
    for (const live of ['![', '@octo', '@everyone', '<img', 'http://evil']) expect(summary).not.toContain(live);
    expect(s.kit.lines.filter((line) => line.startsWith('::set-output') || line.includes('pwned'))).toEqual([]);
  });
});
