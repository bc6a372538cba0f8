import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ARTIFACT, AS_OF, fetched, type Scenario, scenario } from './scenario.js';

const REPORT = JSON.stringify({
  version: '2.1.0',
  runs: [
    {
      tool: { driver: { name: 'gitleaks', semanticVersion: 'v8.30.1', rules: [{ id: 'aws-access-token' }] } },
      results: [
        {
          ruleId: 'aws-access-token',
          message: { text: 'a key was found' },
          locations: [
            { physicalLocation: { artifactLocation: { uri: 'app.js' }, region: { startLine: 3, startColumn: 1 } } },
          ],
        },
      ],
    },
  ],
});
const SUBJECT = `sha256:${createHash('sha256').update(ARTIFACT).digest('hex')}`;
const hash = (text: string) => createHash('sha256').update(text).digest('hex');

function record(change: Readonly<Record<string, unknown>> = {}) {
  return {
    scanner: 'gitleaks',
    tool: { name: 'gitleaks', from: 'lock', version: '8.30.1', sha256: 'b'.repeat(64), assetSha256: 'c'.repeat(64) },
    arguments: ['dir', '/scan/input'],
    databases: [],
    isolation: 'sudo',
    exitStatus: 1,
    startedAt: AS_OF.replace(/\.\d+Z$/, 'Z'),
    durationMs: 12,
    output: { kind: 'report', path: 'gitleaks.json', size: REPORT.length, sha256: hash(REPORT) },
    ...change,
  };
}

describe('the reports of a scan', () => {
  let s: Scenario;
  beforeEach(async () => {
    s = await scenario();
    await s.sboms([fetched('Go', 'stdlib', '1.25.0')]);
    await mkdir(join(s.kit.workspace, 'scans'));
  });
  afterEach(() => s.kit.dispose());

  async function collect(scans: readonly unknown[], report = REPORT, texts: Readonly<Record<string, string>> = {}) {
    const folder = join(s.kit.workspace, 'scans');
    const mediaType = 'application/vnd.paved.scans.v1+json';
    await writeFile(join(folder, 'scans.json'), JSON.stringify({ mediaType, scans }));
    await writeFile(join(folder, 'gitleaks.json'), report);
    return await s.run({ mode: 'collect', 'osv-database': 'Go=go.zip', 'scans-path': 'scans', ...texts });
  }

  test('are bound to their digests, and the record goes along to the gate', async () => {
    const outputs = await collect([record({ subject: SUBJECT })]);
    const folder = outputs['inspection-path'] ?? '';
    const inspection = JSON.parse(await readFile(join(folder, 'inspection.json'), 'utf8'));
    expect(inspection.reports).toEqual([
      {
        scanner: 'gitleaks',
        path: 'scan-gitleaks.json',
        sha256: hash(REPORT),
        modifiedAt: record().startedAt,
        subject: SUBJECT,
      },
    ]);
    expect(inspection.scans).toEqual([record({ subject: SUBJECT })]);
    const verdict = await s.verdict({ 'osv-database': '', kev: '', 'inspection-path': folder });
    expect(verdict.findings.map(({ kind }) => kind)).toContain('secret');
    // The gate hashes again what was handed over.
    await writeFile(join(folder, 'scan-gitleaks.json'), REPORT.replace('app.js', 'other.js'));
    await expect(s.verdict({ 'osv-database': '', kev: '', 'inspection-path': folder })).rejects.toMatchObject({
      code: 'INSPECTION_INVALID',
    });
  });

  test('are held to what is released: all of it, and nothing else', async () => {
    const inspected = async (texts: Readonly<Record<string, string>>) =>
      (await collect([record()], REPORT, { 'subjects-path': 'out', ...texts }))['inspection-path'] ?? '';
    const judged = (folder: string) => s.verdict({ 'osv-database': '', kev: '', 'inspection-path': folder });
    const folder = await inspected({});
    const { subjects } = JSON.parse(await readFile(join(folder, 'inspection.json'), 'utf8'));
    expect(subjects).toEqual([SUBJECT]);
    expect((await judged(folder)).findings.map(({ kind }) => kind)).toContain('secret');
    const refusal = { code: 'REPORT_SUBJECT_MISMATCH' };
    // More is released than was scanned.
    await s.write('out/second.js', 'not looked at');
    await expect(judged(folder)).rejects.toMatchObject(refusal);
    // Both were scanned, and one of them changed afterwards.
    const whole = await inspected({});
    expect((await judged(whole)).findings.map(({ kind }) => kind)).toContain('secret');
    await s.write('out/second.js', 'not looked at!');
    await expect(judged(whole)).rejects.toMatchObject(refusal);
    await rm(join(s.kit.workspace, 'out', 'second.js'));
    await expect(judged(whole)).rejects.toMatchObject(refusal);
    await writeFile(
      join(folder, 'inspection.json'),
      JSON.stringify({ ...JSON.parse(await readFile(join(folder, 'inspection.json'), 'utf8')), subjects: [] }),
    );
    await expect(judged(folder)).rejects.toMatchObject(refusal);
  });

  test('that name another image are refused, whatever they are handed over with', async () => {
    const grype = (manifestDigest: string) =>
      JSON.stringify({
        descriptor: { name: 'grype', version: '0.100.0', timestamp: AS_OF },
        source: { type: 'image', target: { manifestDigest } },
        matches: [],
      });
    for (const [digest, isReleased] of [
      [SUBJECT, true],
      [`sha256:${'9'.repeat(64)}`, false],
    ] as const) {
      const text = grype(digest);
      const output = { kind: 'report', path: 'gitleaks.json', size: text.length, sha256: hash(text) };
      const outputs = await collect([record({ scanner: 'grype', output })], text, { 'subjects-path': 'out' });
      const judged = s.verdict({ 'osv-database': '', kev: '', 'inspection-path': outputs['inspection-path'] ?? '' });
      if (isReleased) expect((await judged).documents.map(({ scanner }) => scanner)).toContain('grype');
      else await expect(judged).rejects.toMatchObject({ code: 'REPORT_SUBJECT_MISMATCH' });
    }
  });

  test('are not for the step that decides', async () => {
    await collect([]);
    await expect(s.run({ 'scans-path': 'scans' })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });

  test('of nothing, and of an SBOM alone, add no report', async () => {
    const sbom = record({ output: { ...record().output, kind: 'sbom' } });
    for (const scans of [[], [sbom]]) {
      const outputs = await collect(scans);
      const text = await readFile(join(outputs['inspection-path'] ?? '', 'inspection.json'), 'utf8');
      expect(JSON.parse(text)).toMatchObject({ reports: [], scans });
    }
  });

  test.each([
    ['changed since the scan', [record()], REPORT.replace('app.js', 'none.js'), 'INSPECTION_INVALID'],
    ['cut off', [record({ output: { ...record().output, sha256: hash('{"runs"') } })], '{"runs"', 'REPORT_MALFORMED'],
    ['about another digest', [record({ subject: `sha256:${'9'.repeat(64)}` })], REPORT, 'INSPECTION_INVALID'],
    ['not there', [record({ output: { ...record().output, path: 'other.json' } })], REPORT, 'FILE_UNREADABLE'],
    ['outside', [record({ output: { ...record().output, path: '../go.zip' } })], REPORT, 'JSON_UNEXPECTED'],
    ['of a record that is none', [{}], REPORT, 'JSON_UNEXPECTED'],
  ])('are refused when one is %s', async (_, scans, report, code) => {
    await expect(collect(scans, report, { 'subject-digest': SUBJECT })).rejects.toMatchObject({ code });
  });
});
