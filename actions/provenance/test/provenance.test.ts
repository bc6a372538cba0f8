import { readFile } from 'node:fs/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import { parseStatement } from '@paved/attestation';
import { sha256 } from '@paved/digest';
import { VOUCHERS } from '../src/vouchers.js';
import { type Changes, IMAGE_DIGEST, type Outcome, SHA, scenario, WORKFLOW_PATH, WORKFLOW_SHA } from './scenario.js';
import { buildTypeSchema, statementOf } from './stated.js';

const open: Outcome[] = [];
afterEach(async () => {
  for (const outcome of open.splice(0)) await outcome.dispose();
});

async function start(changes: Changes = {}): Promise<Outcome> {
  const outcome = await scenario(changes);
  open.push(outcome);
  return outcome;
}

describe('an honest release', () => {
  test('is described by claims, jobs and bytes', async () => {
    const outcome = await start();
    const { subject, predicate } = await statementOf(outcome);
    expect(subject).toEqual([
      { name: 'registry.example/acme/widget', digest: expect.objectContaining({ sha256: IMAGE_DIGEST.slice(7) }) },
      {
        name: 'widget-1.0.0.tgz',
        digest: expect.objectContaining({ sha256: sha256('bytes of the archive').slice(7) }),
      },
    ]);
    const { buildDefinition, runDetails } = JSON.parse(JSON.stringify(predicate));
    expect(buildDefinition.externalParameters).toEqual({
      source: { repository: 'https://github.com/acme/widget', ref: 'refs/heads/main' },
      workflow: {
        repository: 'https://github.com/acme/widget',
        path: '.github/workflows/release.yml',
        ref: 'refs/heads/main',
      },
      inputs: { name: 'widget', version: '1.0.0', command: 'npm pack', tags: '' },
    });
    expect(runDetails.builder).toEqual({
      id: `https://github.com/${WORKFLOW_PATH}@refs/tags/v1`,
      version: { workflow: WORKFLOW_SHA, action: WORKFLOW_SHA },
    });
    expect(runDetails.metadata.invocationId).toBe(
      `https://github.com/acme/widget/actions/runs/${outcome.runId}/attempts/1`,
    );
    expect(Object.keys(runDetails.metadata).sort()).toEqual(['finishedOn', 'invocationId', 'startedOn']);
    expect(buildDefinition.resolvedDependencies).toEqual([
      expect.objectContaining({
        uri: 'git+https://github.com/acme/widget@refs/heads/main',
        digest: { gitCommit: SHA },
      }),
      expect.objectContaining({
        uri: 'git+https://github.com/org/paved@refs/tags/v1',
        digest: { gitCommit: WORKFLOW_SHA },
      }),
      expect.objectContaining({ name: 'package-lock.json' }),
      {
        uri: 'pkg:npm/left@1.2.3',
        digest: { sha256: 'c'.repeat(64) },
        annotations: { voucher: 'build', lockDigest: 'sha512-AAAA' },
      },
    ]);
    expect(runDetails.byproducts.map(({ name }: { name: string }) => name)).toEqual([
      'sbom-widget-cyclonedx.json',
      'verdict.json',
      'build-log',
    ]);
    expect(buildDefinition.internalParameters.jobs).toEqual([
      expect.objectContaining({ name: 'release / build', runner_group_name: 'GitHub Actions', conclusion: 'success' }),
    ]);
  });

  test('fits the schema that its build type names', async () => {
    const { predicate } = await statementOf(await start({ inputs: { tools: TOOLS } }));
    const validate = await buildTypeSchema();
    expect([validate(JSON.parse(JSON.stringify(predicate))), validate.errors]).toEqual([true, null]);
    const { inputs: _, ...rest } = predicate.buildDefinition.externalParameters;
    expect(
      validate({ ...predicate, buildDefinition: { ...predicate.buildDefinition, externalParameters: rest } }),
    ).toBe(false);
  });

  test('names a voucher for every field', async () => {
    const { predicate } = await statementOf(await start({ inputs: { tools: TOOLS } }));
    const skipped = /^\/(buildDefinition\/(resolvedDependencies|internalParameters\/vouchers)|runDetails\/byproducts)/;
    const uncovered = leaves(JSON.parse(JSON.stringify(predicate))).filter(
      (pointer) =>
        !skipped.test(pointer) && !Object.keys(VOUCHERS).some((prefix) => `${pointer}/`.startsWith(`${prefix}/`)),
    );
    expect(uncovered).toEqual([]);
    const listed = [
      ...(predicate.buildDefinition.resolvedDependencies ?? []),
      ...(predicate.runDetails.byproducts ?? []),
    ];
    expect(listed.filter(({ annotations }) => !/^(oidc|api|seal|build)$/.test(String(annotations?.voucher)))).toEqual(
      [],
    );
  });

  test('gives the token to the API alone and shows it nowhere', async () => {
    const outcome = await start();
    const statement = await readFile(outcome.outputs?.['statement-path'] ?? '', 'utf8');
    const claims = await readFile(outcome.outputs?.['claims-path'] ?? '', 'utf8');
    expect(outcome.requests.map(({ path }) => path)).toEqual([
      `/repos/acme/widget/actions/runs/${outcome.runId}/attempts/1/jobs`,
    ]);
    const shown = [statement, claims, outcome.kit.lines.join('\n'), outcome.kit.summary()].join('\n');
    for (const token of outcome.tokens) expect(shown).not.toContain(token);
    expect(JSON.parse(claims).claims).toContainEqual({
      field: 'job_workflow_sha',
      value: WORKFLOW_SHA,
      voucher: 'oidc',
      checked: 'equal to expected-workflow-sha',
    });
  });

  test('splits more than 1,024 subjects into statements of their own', async () => {
    const files = Object.fromEntries(Array.from({ length: 1100 }, (_, index) => [`f${index}`, String(index)]));
    const outcome = await start({ files });
    const paths = (outcome.outputs?.['statement-path'] ?? '').split('\n');
    const counts = await Promise.all(paths.map(async (path) => parseStatement(await readFile(path)).subject.length));
    expect(counts).toEqual([1024, 77]);
  });

  test('shows a build without isolation for what it was', async () => {
    const outcome = await start({ isolation: { method: 'none', hermetic: false, checks: [] } });
    const { predicate } = await statementOf(outcome);
    expect(predicate.buildDefinition.internalParameters?.isolation).toEqual(
      expect.objectContaining({ voucher: 'build', method: 'none', hermetic: false }),
    );
    expect(outcome.kit.lines.join('\n')).toContain('was not hermetic');
  });

  test('states self-hosted runners where they are allowed', async () => {
    const outcome = await start({
      claims: { runnerEnvironment: 'self-hosted' },
      facts: { runnerEnvironment: 'self-hosted' },
      buildJob: { runnerGroup: 'Default', labels: ['self-hosted', 'linux'] },
      inputs: { 'allow-self-hosted': 'true' },
    });
    const { predicate } = await statementOf(outcome);
    expect(predicate.buildDefinition.internalParameters?.selfHostedAllowed).toBe(true);
  });
});

const TOOLS = JSON.stringify({
  tools: [{ name: 'node', version: '24.0.0', platform: 'linux-x64', sha256: '9'.repeat(64) }],
});

function leaves(value: unknown, pointer = ''): string[] {
  if (value === null || typeof value !== 'object') return [pointer];
  return Object.entries(value).flatMap(([key, member]) => leaves(member, `${pointer}/${key}`));
}

describe('checksums', () => {
  const archive = sha256('bytes of the archive').slice(7);

  test('are subjects besides the files; what is a subject already is named once', async () => {
    const checksums = `${'e'.repeat(64)}  blobs/sha256/e\n${archive}  blobs/sha256/a\n`;
    const { subject } = await statementOf(await start({ checksums }));
    expect(subject.map(({ name }) => name)).toEqual([
      'blobs/sha256/e',
      'registry.example/acme/widget',
      'widget-1.0.0.tgz',
    ]);
    expect(subject[0]?.digest.sha256).toBe('e'.repeat(64));
  });

  test.each([
    ['of another form', 'no checksums\n'],
    ['without a line', '\n'],
    ['with two digests of a name', `${'a'.repeat(64)}  x\n${'b'.repeat(64)}  x\n`],
  ])('%s are refused', async (_name, checksums) => {
    expect((await start({ checksums })).error).toMatchObject({ code: 'INPUT_INVALID' });
  });
});
