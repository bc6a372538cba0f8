import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { isRehearsal, parseProvenance, parseStatement } from '@paved/attestation';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { type Changes, type Outcome, SHA, scenario, WORKFLOW_PATH, WORKFLOW_SHA } from './scenario.js';

const open: Outcome[] = [];
const folders: string[] = [];
afterEach(async () => {
  for (const outcome of open.splice(0)) await outcome.dispose();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

const PLANTED = JSON.stringify({ _type: 'https://in-toto.io/Statement/v1', subject: [], predicateType: 'x' });
const MERGE = '9'.repeat(40);

/** A pull request: the run builds the merge, the jobs API names the head of the branch. */
async function rehearse(changes: Changes = {}, head: unknown = { sha: SHA }): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), 'paved-rehearsal-'));
  folders.push(folder);
  const eventPath = join(folder, 'event.json');
  await writeFile(eventPath, JSON.stringify({ pull_request: { head } }));
  const outcome = await scenario({
    withoutToken: true,
    manifest: { source: { repository: 'acme/widget', sha: MERGE, path: '.' } },
    ...changes,
    facts: { eventName: 'pull_request', ref: 'refs/pull/7/merge', sha: MERGE, eventPath, ...changes.facts },
    inputs: {
      rehearsal: 'true',
      'allowed-events': 'pull_request',
      'require-protected-ref': 'false',
      ...changes.inputs,
    },
  });
  open.push(outcome);
  return outcome;
}

describe('a rehearsal', () => {
  test('says in both places that it is none, and that nobody vouches for it', async () => {
    const outcome = await rehearse();
    expect(outcome.error).toBeUndefined();
    const { predicate } = parseProvenance(parseStatement(await readFile(outcome.outputs?.['statement-path'] ?? '')));
    expect(isRehearsal(predicate)).toBe(true);
    expect(predicate.runDetails.builder.id).toBe(`https://github.com/${WORKFLOW_PATH}@${WORKFLOW_SHA}#rehearsal`);
    expect(outcome.outputs?.['builder-id']).toBe(predicate.runDetails.builder.id);
    const { internalParameters, resolvedDependencies } = predicate.buildDefinition;
    expect(internalParameters).toMatchObject({ rehearsal: true, refProtected: true });
    expect(Object.values(internalParameters?.vouchers ?? {})).not.toContain('oidc');
    expect(resolvedDependencies?.[0]).toMatchObject({
      digest: { gitCommit: MERGE },
      annotations: { voucher: 'rehearsal' },
    });
    const { claims } = JSON.parse(await readFile(outcome.outputs?.['claims-path'] ?? '', 'utf8'));
    expect(new Set(claims.map(({ voucher }: { voucher: string }) => voucher))).toEqual(new Set(['rehearsal']));
    expect(outcome.requests.every(({ path }) => path.includes('/jobs'))).toBe(true);
  });

  test('fits the schema of its build type', async () => {
    const outcome = await rehearse();
    const { predicate } = parseProvenance(parseStatement(await readFile(outcome.outputs?.['statement-path'] ?? '')));
    const url = new URL('../../../docs/buildtypes/release-artifact/v1.schema.json', import.meta.url);
    const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true });
    addFormats.default(ajv);
    const validate = ajv.compile(JSON.parse(await readFile(url, 'utf8')));
    expect([validate(JSON.parse(JSON.stringify(predicate))), validate.errors]).toEqual([true, null]);
  });

  const REFUSED: readonly (readonly [string, Changes, string])[] = [
    ['a job that could get a token', { withoutToken: false }, 'REHEARSAL_HAS_TOKEN'],
    ['a build type without a place for the mark', { inputs: { 'build-type': 'github-workflow' } }, 'INPUT_INVALID'],
    ['another event', { facts: { eventName: 'pull_request_target' } }, 'EVENT_NOT_ALLOWED'],
    ['a build of another commit', { manifest: {} }, 'SOURCE_MISMATCH'],
    ['a build job that failed', { buildJob: { conclusion: 'failure' } }, 'JOB_NOT_SUCCESSFUL'],
    ['a self-hosted machine', { facts: { runnerEnvironment: 'self-hosted' } }, 'RUNNER_NOT_HOSTED'],
    ['a planted statement', { files: { 'x.json': PLANTED } }, 'PLANTED_STATEMENT'],
  ];

  test.each(REFUSED)('of %s is refused as a release is', async (_name, changes, code) => {
    const outcome = await rehearse(changes);
    expect(outcome.error).toMatchObject({ code });
    expect(outcome.outputs).toBeUndefined();
  });

  test.each([
    [{ sha: 'e'.repeat(40) }, 'SOURCE_MISMATCH'],
    [{}, 'EVENT_UNREADABLE'],
  ])('whose event names %j as its head is refused', async (head, code) => {
    expect((await rehearse({}, head)).error).toMatchObject({ code });
  });
});
