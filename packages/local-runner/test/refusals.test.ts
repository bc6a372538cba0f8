import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CALLER, road, Scene } from './scene.js';

const INPUTS = '  workflow_call:\n    inputs:\n      name: { type: string, required: true }\n';
const JOB = '  only:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: "true"\n';
const WITH_PERMISSION = (permission: string) =>
  `  only:\n    permissions: { ${permission} }\n    runs-on: ubuntu-24.04\n    steps:\n      - run: "true"\n`;
const withInput = (line: string) => `${CALLER}    with: { ${line} }\n`;

let scene: Scene;
beforeAll(async () => {
  scene = await Scene.open();
});
afterAll(() => scene.close());

describe('before anything starts', () => {
  test.each([
    ['a missing input', { road: road(JOB, INPUTS) }, 'WORKFLOW_INVALID', /Input name is required/],
    [
      'an unknown input',
      { road: road(JOB, INPUTS), caller: withInput('name: a, other: b') },
      'WORKFLOW_INVALID',
      /other is not defined/,
    ],
    [
      'a job that asks for more than it was granted',
      { road: road(WITH_PERMISSION('packages: write')) },
      'PERMISSIONS_EXCEEDED',
      /"only".*"packages: write".*"packages: none"/,
    ],
    [
      'a job that asks for a higher level',
      { road: road(WITH_PERMISSION('contents: write')) },
      'PERMISSIONS_EXCEEDED',
      /contents: read/,
    ],
    [
      'a context that is not available',
      { road: road(JOB.replace('"true"', '"echo ${{ jobs.x }}"')) },
      'WORKFLOW_INVALID',
      /jobs/,
    ],
    [
      'a cycle of needs',
      { caller: CALLER.replace('    uses', '    needs: release\n    uses') },
      'WORKFLOW_INVALID',
      /./,
    ],
    ['a workflow that cannot be called', { road: `on: push\njobs:\n${JOB}` }, 'WORKFLOW_INVALID', /workflow_call/],
    [
      'an unknown repository',
      { caller: CALLER.replace('org/paved', 'org/other') },
      'WORKFLOW_INVALID',
      /reusable workflow/,
    ],
    [
      'a key that is not executed here',
      { road: road(JOB.replace('    steps', '    continue-on-error: true\n    steps')) },
      'WORKFLOW_UNSUPPORTED',
      /continue-on-error/,
    ],
  ])('refuses %s', async (_name, parts, code, message) => {
    const before = scene.github.requests.length;
    const result = await scene.run(parts);
    expect(result).toMatchObject({ ok: false, jobs: [], error: { code } });
    expect(result.error?.message).toMatch(message);
    expect(scene.github.requests.length).toBe(before);
  });

  test('starts with the same input given and the same permission granted', async () => {
    expect(await scene.run({ road: road(JOB, INPUTS), caller: withInput('name: a') })).toMatchObject({ ok: true });
    expect(await scene.run({ road: road(WITH_PERMISSION('contents: read')) })).toMatchObject({ ok: true });
  });

  test('refuses an event that the workflow does not name', async () => {
    const result = await scene.run({ road: road(JOB) }, { event: 'pull_request_target' });
    expect(result.error?.code).toBe('EVENT_NOT_CONFIGURED');
  });

  test('refuses a commit that git does not have', async () => {
    const result = await scene.run(
      { road: road(JOB) },
      { repositories: { 'org/paved': { path: scene.folder, sha: 'f'.repeat(40) } } },
    );
    expect(result.ok).toBe(false);
    expect(result.jobs).toEqual([]);
  });
});
