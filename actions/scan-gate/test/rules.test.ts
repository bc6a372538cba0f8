import { cp, readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { definition } from '../src/definition.js';
import { evaluateRules } from '../src/rego/evaluate-rules.js';
import { rulesReport } from '../src/rego/rules-report.js';
import { run } from '../src/run.js';
import { AS_OF, FIXTURES, fetched, type Scenario, scenario } from './scenario.js';

/** Node strips the types of the one file that runs in the thread. */
const WORKER = `${process.cwd()}/actions/scan-gate/src/rego/rules-worker.ts`;
const module = (name: string) => readFile(`${FIXTURES}/rego/${name}.wasm`);
const GRYPE = {
  descriptor: { name: 'grype', timestamp: AS_OF },
  matches: [
    {
      vulnerability: { id: 'CVE-2024-0001', severity: 'Medium', fix: { state: 'fixed', versions: ['1.0.1'] } },
      artifact: { name: 'p', version: '1.0.0', purl: 'pkg:npm/p@1.0.0' },
    },
  ],
};

describe('rule modules', () => {
  let s: Scenario;
  beforeEach(async () => {
    s = await scenario();
    await s.write('grype.json', JSON.stringify(GRYPE));
    await cp(`${FIXTURES}/rego/rules.wasm`, await s.write('rules/rules.wasm', ''));
    await s.write('record/build-record.json', JSON.stringify({ command: 'npm install && npm run build' }));
    await s.sboms([fetched('npm', 'left-pad', '1.3.0'), { ...fetched('npm', 'ms', '2.1.3'), licence: 'MIT' }]);
  });
  afterEach(() => s.kit.dispose());

  async function collected(texts: Readonly<Record<string, string>>) {
    const all = { mode: 'collect', reports: 'grype.json', rules: 'rules', ...texts };
    return await run(await s.kit.inputs(definition, all), s.kit.context, WORKER);
  }

  async function judged(texts: Readonly<Record<string, string>> = {}, gate: Readonly<Record<string, string>> = {}) {
    const { 'inspection-path': inspection = '' } = await collected(texts);
    return await s.verdict({
      ...{ 'inspection-path': inspection, reports: '', sboms: '', 'subjects-path': '', 'osv-database': '', kev: '' },
      reports: 'grype.json',
      ...gate,
    });
  }

  test('add findings of their own kind to those of the scanners', async () => {
    const verdict = await judged({ sboms: 'sboms', 'build-record-path': 'record' });
    const own = verdict.findings.filter(({ kind }) => kind === 'policy');
    expect(own.map(({ id, title, severity, action }) => [id, title, severity, action]).sort()).toEqual([
      ['build-without-lockfile', 'the build does not install from the lock file', 'critical', 'block'],
      ['main/deny', 'pkg:npm/left-pad@1.3.0 is not to be used', 'high', 'block'],
      ['main/warn', 'left-pad declares no licence', 'medium', 'warn'],
      ['too-old/CVE-2024-0001', 'CVE-2024-0001 has a fix in 1.0.1', 'high', 'block'],
    ]);
    expect(own.find(({ id }) => id === 'too-old/CVE-2024-0001')?.locations).toEqual([{ path: 'package.json' }]);
    expect(own.find(({ id }) => id === 'main/deny')?.locations).toEqual([{ path: 'rules.wasm' }]);
    expect(verdict.findings.filter(({ id }) => id === 'CVE-2024-0001')).toHaveLength(1);
    expect(verdict.message).toContain('GATE_BLOCKED');
  });

  test('without what they ask for find less, and are still a report of kind policy', async () => {
    const policy = JSON.stringify({ 'required-reports': ['policy'] });
    const verdict = await judged({}, { policy });
    expect(verdict.missingReports).toEqual([]);
    expect(verdict.findings.filter(({ kind }) => kind === 'policy').map(({ id }) => id)).toEqual([
      'too-old/CVE-2024-0001',
    ]);
    const none = await s.verdict({
      sboms: '',
      'subjects-path': '',
      'osv-database': '',
      kev: '',
      reports: 'grype.json',
      policy,
    });
    expect(none.missingReports).toEqual(['policy']);
  });

  test('what they found is waived like anything else: by an exception, with an owner and an end', async () => {
    const entry = { owner: '@octo/web', reason: 'r', created: '2025-08-01', expires: '2025-09-01' };
    const exceptions = [{ id: 'too-old/CVE-2024-0001', package: 'path:package.json', ...entry }];
    expect((await judged({}, { policy: JSON.stringify({ exceptions }) })).verdict).toBe('pass');
  });

  test('run in mode collect alone', async () => {
    await expect(s.verdict({ rules: 'rules' })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });

  test.each([
    ['endless', 'RULES_TIMEOUT'],
    ['network', 'RULES_FAILED'],
  ])('%s: %s, never an empty answer', async (name, code) => {
    const options = { workerPath: WORKER, timeoutMs: name === 'endless' ? 500 : 60_000 };
    await expect(evaluateRules(name, await module(name), '{}', options)).rejects.toMatchObject({ code });
  });

  test.each<[string, () => Promise<Buffer>, string]>([
    ['a bundle', async () => Buffer.from([0x1f, 0x8b, 8, 0]), 'RULES_INVALID'],
    ['nothing', async () => Buffer.alloc(0), 'RULES_INVALID'],
    ['a module of something else', async () => Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]), 'RULES_FAILED'],
    ['a module that is cut off', async () => (await module('rules')).subarray(0, 100_000), 'RULES_FAILED'],
    ['a module with one byte changed', async () => (await module('rules')).fill(0xff, 5000, 5001), 'RULES_FAILED'],
  ])('%s: %s', async (_what, wasm, code) => {
    await expect(evaluateRules('x', await wasm(), '{}', { workerPath: WORKER })).rejects.toMatchObject({ code });
  });

  test('a broken module leaves no inspection behind', async () => {
    await s.write('rules/broken.wasm', 'not wasm');
    await expect(collected({})).rejects.toMatchObject({ code: 'RULES_INVALID' });
    expect(s.kit.summary()).not.toContain('Collected');
  });

  test('image-rules.sarif beside the build record is a report of misconfigurations', async () => {
    const found = (ruleId: string, text: string) => ({
      ruleId,
      level: 'error',
      message: { text },
      locations: [{ physicalLocation: { artifactLocation: { uri: 'image.yaml' } } }],
    });
    const results = [
      found('image-root-user', 'linux/amd64: it runs as root'),
      found('image-shell', 'linux/amd64: it has /bin/sh'),
    ];
    const rules = ['image-root-user', 'image-shell'].map((id) => ({ id, properties: { 'security-severity': '7.0' } }));
    const sarif = { version: '2.1.0', runs: [{ tool: { driver: { name: 'paved-image-rules', rules } }, results }] };
    await s.write('record/image-rules.sarif', JSON.stringify(sarif));
    const verdict = await judged({ rules: '', 'build-record-path': 'record' });
    const own = verdict.findings.filter(({ kind }) => kind === 'misconfiguration');
    expect(own.map(({ id, severity, action }) => [id, severity, action])).toEqual([
      ['image-root-user', 'high', 'block'],
      ['image-shell', 'high', 'block'],
    ]);
    expect(verdict.verdict).toBe('fail');
    const required = '{"required-reports": {"protected": ["iac"], "other": ["iac"]}}';
    const needing = await judged({ rules: '', 'build-record-path': 'record' }, { policy: required });
    expect(needing.missingReports).toEqual(['iac']);
    for (const [from, to] of [
      ['paved-image-rules', 'semgrep'],
      ['"ruleId":"image-shell"', '"ruleId":"CVE-2024-0001"'],
      ['"ruleId":"image-shell"', '"ruleId":"shell"'],
    ] as const) {
      expect(JSON.stringify(sarif)).toContain(from);
      await s.write('record/image-rules.sarif', JSON.stringify(sarif).replace(from, to));
      const planted = judged({ rules: '', 'build-record-path': 'record' });
      await expect(planted).rejects.toMatchObject({ code: 'BUILD_REPORT_FOREIGN' });
    }
    await s.write('legs/linux-arm64/build-record.json', '{}');
    await s.write('legs/linux-amd64/build-record.json', '{}');
    await s.write('legs/linux-arm64/image-rules.sarif', JSON.stringify(sarif));
    const legs = await judged({ rules: '', 'build-record-path': 'legs/*/build-record.json' });
    expect(legs.findings.filter(({ kind }) => kind === 'misconfiguration')).toHaveLength(2);
    await s.write('record/image-rules.sarif', '');
    await expect(judged({ rules: '', 'build-record-path': 'record' })).rejects.toMatchObject({ code: 'REPORT_EMPTY' });
  });
});

describe('answers', () => {
  const report = (rule: string, value: unknown) =>
    JSON.stringify(rulesReport([{ name: 'm.wasm', answers: [{ rule, value }] }]));

  test.each<[unknown, number]>([
    [[], 0],
    [false, 0],
    [null, 0],
    [true, 1],
    ['text', 1],
    [['a', 'b', { msg: 'c' }], 3],
    [{ msg: 'c', details: { severity: 'low' } }, 1],
  ])('%j are %d findings', (value, count) => {
    expect(JSON.parse(report('main/deny', value)).runs[0].results).toHaveLength(count);
  });

  test.each([[[1]], [{}], [['a', { text: 'x' }]], [7], [[['nested']]]])('%j is no answer', (value) => {
    expect(() => report('main/deny', value)).toThrow(expect.objectContaining({ code: 'RULES_FAILED' }));
  });

  test('too many are refused', () => {
    expect(() =>
      report(
        'main/deny',
        Array.from({ length: 10_001 }, (_, index) => `${index}`),
      ),
    ).toThrow(expect.objectContaining({ code: 'RULES_FAILED' }));
  });
});
