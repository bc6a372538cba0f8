import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { RefusalError } from '@paved/runner-kit';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { goodSettings, type SettingsDouble, startSettings } from '@paved/testkit';
import type { CheckResult } from '../src/check.js';
import { definition } from '../src/definition.js';
import { run } from '../src/run.js';

const TOKEN = 'ghp_canary0123456789';
const REPOSITORY = 'octo/app';
const PATH = `/repos/${REPOSITORY}`;
let scene: TestContext;
let github: SettingsDouble;

beforeEach(async () => {
  github = await startSettings({ token: TOKEN, settings: goodSettings(REPOSITORY, 'app') });
  scene = await testContext({ action: 'doctor' });
});
afterEach(async () => {
  await scene.dispose();
  await github.close();
});

async function examine(texts: Record<string, string> = {}) {
  const inputs = { repository: REPOSITORY, 'api-url': github.url, 'github-token': TOKEN, packages: 'app', ...texts };
  return await run(await scene.inputs(definition, inputs), scene.context);
}

/** The checks that did not pass. */
async function complaints(): Promise<readonly CheckResult[]> {
  const refusal = await examine().catch((error: unknown) => error);
  if (!(refusal instanceof RefusalError)) return [];
  const report = JSON.parse(await readFile(refusal.outputs['report-path'] ?? '', 'utf8')) as { checks: CheckResult[] };
  return report.checks.filter(({ outcome }) => outcome !== 'pass');
}

test('a repository that is set up passes every check', async () => {
  const outputs = await examine();
  expect(outputs.result).toBe('pass');
  const report = JSON.parse(await readFile(outputs['report-path'] ?? '', 'utf8'));
  expect(report.checks.map(({ id, outcome }: CheckResult) => [id, outcome])).toEqual([
    ['branch-rules', 'pass'],
    ['tag-protection', 'pass'],
    ['environment', 'pass'],
    ['token-defaults', 'pass'],
    ['sha-pinning', 'pass'],
    ['package-link:app', 'pass'],
    ['signed-commits', 'pass'],
  ]);
});

const ruleset = (include: readonly string[], exclude: readonly string[], types: readonly string[]) => ({
  conditions: { ref_name: { include, exclude } },
  rules: types.map((type) => ({ type })),
});
const BOTH = ['update', 'deletion'];

describe('one wrong setting is found, with its cure', () => {
  test.each<readonly [string, string, unknown, string, string]>([
    ['a branch without rules', `${PATH}/rules/branches/main`, [], 'branch-rules', 'without a pull request'],
    [
      'unsigned commits allowed',
      `${PATH}/rules/branches/main`,
      ['pull_request', 'non_fast_forward', 'deletion', 'required_status_checks'].map((type) => ({ type })),
      'branch-rules',
      'unsigned commits go in',
    ],
    ['no tag rulesets', `${PATH}/rulesets`, [], 'tag-protection', 'can be moved'],
    [
      'a ruleset that only evaluates',
      `${PATH}/rulesets`,
      [{ id: 2, target: 'tag', enforcement: 'evaluate' }],
      'tag-protection',
      'can be moved',
    ],
    [
      'tags that may be deleted',
      `${PATH}/rulesets/2`,
      ruleset(['~ALL'], [], ['update']),
      'tag-protection',
      'be deleted',
    ],
    [
      'a ruleset for other tags',
      `${PATH}/rulesets/2`,
      ruleset(['refs/tags/release/*'], [], BOTH),
      'tag-protection',
      'can be moved',
    ],
    [
      'a pattern whose dot is no dot',
      `${PATH}/rulesets/2`,
      ruleset(['refs/tags/v1x2x3'], [], BOTH),
      'tag-protection',
      'can be moved',
    ],
    [
      'a ruleset that leaves versions out',
      `${PATH}/rulesets/2`,
      ruleset(['~ALL'], ['refs/tags/v*'], BOTH),
      'tag-protection',
      'can be moved',
    ],
    [
      'an environment without reviewers',
      `${PATH}/environments/release`,
      { protection_rules: [], deployment_branch_policy: { protected_branches: true } },
      'environment',
      'nobody has to approve',
    ],
    [
      'an environment for every branch',
      `${PATH}/environments/release`,
      { protection_rules: [{ type: 'required_reviewers' }], deployment_branch_policy: null },
      'environment',
      'every branch',
    ],
    [
      'a token that may write',
      `${PATH}/actions/permissions/workflow`,
      { default_workflow_permissions: 'write', can_approve_pull_request_reviews: false },
      'token-defaults',
      'may write',
    ],
    [
      'a token that may approve',
      `${PATH}/actions/permissions/workflow`,
      { default_workflow_permissions: 'read', can_approve_pull_request_reviews: true },
      'token-defaults',
      'can approve',
    ],
    [
      'actions by tag',
      `${PATH}/actions/permissions`,
      { enabled: true, allowed_actions: 'selected', sha_pinning_required: false },
      'sha-pinning',
      'by tag',
    ],
    [
      "everybody's actions",
      `${PATH}/actions/permissions`,
      { enabled: true, allowed_actions: 'all', sha_pinning_required: true },
      'sha-pinning',
      "everybody's",
    ],
    [
      'a package of another repository',
      '/orgs/octo/packages/container/app',
      { repository: { full_name: 'octo/other' } },
      'package-link:app',
      'octo/other',
    ],
    ['a package of nobody', '/orgs/octo/packages/container/app', {}, 'package-link:app', 'no repository'],
    [
      'an unsigned commit',
      `${PATH}/commits`,
      [
        { sha: 'a'.repeat(40), commit: { verification: { verified: true } } },
        { sha: 'b'.repeat(40), commit: { verification: { verified: false } } },
      ],
      'signed-commits',
      `1 of 2 are not, first ${'b'.repeat(40)}`,
    ],
  ])('%s', async (_what, path, setting, id, detail) => {
    github.settings.set(path, setting);
    const found = await complaints();
    expect(found.map((result) => [result.id, result.outcome])).toEqual([[id, 'fail']]);
    expect(found[0]?.detail).toContain(detail);
    expect(found[0]?.cure).toMatch(/\w/);
  });

  test('an environment that does not exist', async () => {
    github.settings.delete(`${PATH}/environments/release`);
    expect(await complaints()).toMatchObject([{ id: 'environment', outcome: 'fail' }]);
  });
});

describe('what cannot be read is not good', () => {
  test.each([
    ['a setting that the token may not read', 403],
    ['an API that fails', 422],
    ['an answer of another shape', { surprise: true }],
  ])('%s', async (_what, answer) => {
    github.settings.set(`${PATH}/actions/permissions/workflow`, answer);
    expect(await complaints()).toMatchObject([{ id: 'token-defaults', outcome: 'unknown' }]);
  });
});

test('patterns of rulesets reach as far as the service lets them', async () => {
  for (const pattern of ['~ALL', 'refs/tags/v*', 'refs/tags/v*.*.*', 'refs/tags/**', 'refs/**']) {
    github.settings.set(`${PATH}/rulesets/2`, ruleset([pattern], [], BOTH));
    expect([pattern, await complaints()]).toEqual([pattern, []]);
  }
  github.settings.set(`${PATH}/rulesets/2`, ruleset(['refs/*'], [], BOTH));
  expect(await complaints()).toHaveLength(1);
});

describe('refuses', () => {
  test.each(['octo', 'octo/app/../../user', 'octo/app?x', ''])('the name %j', async (repository) => {
    await expect(examine({ repository })).rejects.toMatchObject({ code: expect.stringMatching(/INVALID|MISSING/) });
    expect(github.requests).toEqual([]);
  });

  test('a repository that the token does not see, and never shows the token', async () => {
    const error = await examine({ 'github-token': 'ghp_wrong_canary' }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'REPOSITORY_UNREADABLE' });
    expect(JSON.stringify([String(error), scene.lines, scene.summary()])).not.toContain('canary');
  });
});
