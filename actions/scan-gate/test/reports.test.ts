import { generateKeyPairSync } from 'node:crypto';
import { cp, readFile, utimes } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { AS_OF, FIXTURES, fetched, type Scenario, scenario } from './scenario.js';

const ALONE = { sboms: '', 'subjects-path': '', 'osv-database': '', kev: '' };

describe('reports', () => {
  let s: Scenario;
  beforeEach(async () => {
    s = await scenario();
  });
  afterEach(() => s.kit.dispose());

  async function given(...paths: readonly string[]): Promise<string> {
    for (const path of paths) {
      await cp(`${FIXTURES}/${path}`, `${s.kit.workspace}/${path.replaceAll('/', '-')}`);
      await utimes(`${s.kit.workspace}/${path.replaceAll('/', '-')}`, new Date(AS_OF), new Date(AS_OF));
    }
    return paths.map((path) => path.replaceAll('/', '-')).join('\n');
  }

  test('of several scanners in several formats: sources add up, and the schema holds', async () => {
    const reports = await given(
      'grype-json/TestJsonImgsPresenter.json',
      'trivy-json/npm-with-suppressed.json',
      'sarif/suppression_test.sarif',
      'sarif/TestSarifPresenter_image.sarif',
    );
    const { message, ...verdict } = await s.verdict({ ...ALONE, reports });
    expect(message).toContain('GATE_BLOCKED');
    const matches = verdict.documents.map(({ matches: count }) => count ?? 0);
    expect(verdict.findings.reduce((sum, { sources }) => sum + sources.length, 0)).toBe(
      matches.reduce((a, b) => a + b, 0),
    );
    expect(verdict.counts.matches).toBe(2 + 2 + 5 + 2);
    // grype's JSON and its SARIF are the same two findings; its copy of KEV is believed.
    expect(verdict.findings.find(({ id }) => id === 'CVE-1999-0002')).toMatchObject({
      sources: [{ name: 'grype' }, { name: 'grype' }],
      rule: 'kev',
      package: { purl: 'pkg:deb/package-2', relation: 'base-image' },
    });
    expect(verdict.findings.filter(({ suppressedBy }) => suppressedBy?.by === 'scanner')).toHaveLength(4);
    const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
    const schema = async (name: string) => JSON.parse(await readFile(`docs/schemas/${name}.schema.json`, 'utf8'));
    const validate = ajv.compile(await schema('verdict'));
    expect(validate(verdict) ? [] : validate.errors).toEqual([]);
    const answer = new Ajv2020({ strict: false, allowUnionTypes: true });
    answer.addSchema(await schema('verdict'));
    const check = answer.compile(await schema('findings'));
    const rest = { action: 'scan-gate', exitStatus: 1, outputs: {}, documents: {} };
    expect(check({ ...verdict, ok: false, ...rest }) ? [] : check.errors).toEqual([]);
    expect(check({ ok: false, ...rest, error: { code: 'REPORT_EMPTY', message: 'x' } })).toBe(true);
    expect(check({ ok: true, ...rest })).toBe(false);
  });

  test('of another image are refused where something is released', async () => {
    const reports = await given('grype-json/TestJsonImgsPresenter.json');
    await s.sboms([fetched('Go', 'stdlib', '1.13.7')]);
    await expect(s.verdict({ reports })).rejects.toMatchObject({ code: 'REPORT_SUBJECT_MISMATCH' });
    const same = {
      ...ALONE,
      'subject-digest': 'sha256:ca738abb87a8d58f112d3400ebb079b61ceae7dc290beb34bda735be4b1941d5',
    };
    expect((await s.verdict({ ...same, reports })).findings).toHaveLength(2);
  });

  test('with an old database are refused where an age is asked for, and never clean', async () => {
    const reports = await given('grype-json/check_all_fields_no_ids_fabricated.json');
    await expect(s.verdict({ ...ALONE, reports, 'max-age': '5d' })).rejects.toMatchObject({ code: 'DATABASE_STALE' });
    expect(await s.verdict({ ...ALONE, reports })).toMatchObject({
      verdict: 'fail',
      unchecked: [{ ecosystem: 'database:grype', allowed: false }, { ecosystem: 'kev' }],
    });
  });

  test('are judged with VEX of an author whom the policy names', async () => {
    const statement = {
      '@context': 'https://openvex.dev/ns/v0.2.0',
      author: 'Octo',
      timestamp: '2025-08-01T00:00:00Z',
      statements: [
        {
          vulnerability: { name: 'CVE-2017-20165' },
          products: [{ '@id': 'pkg:npm/debug@3.0.1' }],
          status: 'not_affected',
          justification: 'component_not_present',
        },
      ],
    };
    await s.write('vex.json', JSON.stringify(statement));
    const reports = await given('trivy-json/npm-with-suppressed.json');
    const status = async (policy: object) =>
      (await s.verdict({ ...ALONE, reports, vex: 'vex.json', policy: JSON.stringify(policy) })).findings.find(
        ({ id }) => id === 'CVE-2017-20165',
      );
    expect(await status({ vex: { authors: ['Octo'] } })).toMatchObject({
      status: 'suppressed',
      suppressedBy: { by: 'vex' },
    });
    expect(await status({})).toMatchObject({ status: 'open' });
    const { publicKey } = generateKeyPairSync('ed25519', {
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    expect(await status({ vex: { authors: ['Octo'], signers: [{ 'public-key': publicKey }] } })).toMatchObject({
      status: 'open',
    });
    await expect(
      status({ vex: { authors: ['Octo'], signers: [{ identity: 'i', issuer: 's' }] } }),
    ).rejects.toMatchObject({
      code: 'POLICY_INVALID',
    });
  });

  test('explain writes every rule and source', async () => {
    const reports = await given('trivy-json/npm-with-suppressed.json');
    let outputs: Record<string, string | undefined> = {};
    try {
      outputs = await s.run({ ...ALONE, reports, explain: 'CVE-2017-20165', 'as-of': AS_OF });
    } catch (error) {
      outputs = (error as { outputs: typeof outputs }).outputs;
    }
    const explanation = JSON.parse(await readFile(outputs['explanation-path'] ?? '', 'utf8'));
    expect(explanation).toMatchObject({
      mediaType: 'application/vnd.paved.explanation.v1+json',
      listed: { kev: 'not checked' },
      findings: [
        { finding: { sources: [{ name: 'trivy', severity: 'high' }] }, steps: [{ rule: 'high' }, { rule: 'sla' }] },
      ],
    });
    expect(s.kit.summary()).toContain('Why: CVE');
  });

  test('an earlier verdict tells since when', async () => {
    const reports = await given('trivy-json/npm-with-suppressed.json');
    const run = async (asOf: string, more: object = {}) =>
      await s.verdict({ ...ALONE, reports, 'as-of': asOf, ...more });
    const { message: _message, ...first } = await run(AS_OF, { 'branch-protected': 'false' });
    await s.write('verdict.json', JSON.stringify(first));
    const later = await run('2025-09-02T12:00:00Z', {
      'previous-verdict': 'verdict.json',
      'branch-protected': 'false',
      'max-age': '9999d',
    });
    const finding = later.findings.find(({ id }) => id === 'CVE-2017-20165');
    expect(finding).toMatchObject({ firstSeen: AS_OF, dueAt: '2025-09-02T00:00:00.000Z' });
    await expect(run(AS_OF, { 'previous-verdict': 'trivy-json-npm-with-suppressed.json' })).rejects.toMatchObject({
      code: 'JSON_UNEXPECTED',
    });
  });

  test('EPSS that a policy asks for and nobody gave is not checked', async () => {
    const reports = await given('sarif/suppression_test.sarif');
    const policy = JSON.stringify({ epss: { above: 0.5 }, 'scanner-suppressions': 'trend' });
    expect(await s.verdict({ ...ALONE, reports, policy })).toMatchObject({
      verdict: 'fail',
      unchecked: [{ ecosystem: 'epss' }, {}],
    });
    await s.write(
      'epss.csv',
      '#model_version:v1,score_date:2025-08-25T00:00:00Z\ncve,epss,percentile\nCVE-2017-20165,0.9,0.9\n',
    );
    expect((await s.verdict({ ...ALONE, reports, policy, epss: 'epss.csv' })).verdict).toBe('pass');
    await expect(s.verdict({ ...ALONE, reports, policy, epss: 'epss.csv', 'max-age': '1h' })).rejects.toMatchObject({
      code: 'EPSS_STALE',
    });
    const npm = await given('trivy-json/npm-with-suppressed.json');
    expect(
      (await s.verdict({ ...ALONE, reports: npm, policy, epss: 'epss.csv', 'branch-protected': 'false' })).findings[0],
    ).toMatchObject({ rule: 'epss' });
  });
});

test('exceptions that a pull request brings are refused', async () => {
  const s = await scenario({ facts: { eventName: 'pull_request' } });
  try {
    await s.sboms([fetched('Go', 'stdlib', '1.13.7')]);
    const entry = {
      id: 'CVE-2024-1',
      package: 'pkg:npm/p',
      owner: '@o',
      reason: 'r',
      created: '2025-08-01',
      expires: '2025-09-01',
    };
    await expect(s.verdict({ policy: JSON.stringify({ exceptions: [entry] }) })).rejects.toMatchObject({
      code: 'EXCEPTION_FROM_PULL_REQUEST',
    });
    expect((await s.verdict({ policy: '{}' })).verdict).toBe('pass');
  } finally {
    await s.kit.dispose();
  }
});
