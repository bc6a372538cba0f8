import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { decodeJwt } from 'jose';
import { action, environment, job, PRINT_ENVIRONMENT, road, Scene, step } from './scene.js';

const TOKEN = action(
  'token',
  `const url = process.env.ACTIONS_ID_TOKEN_REQUEST_URL + '&audience=sigstore';
const headers = { authorization: 'Bearer ' + process.env.ACTIONS_ID_TOKEN_REQUEST_TOKEN };
const reply = await fetch(url, { headers });
console.log('STATUS ' + reply.status);
console.log('TOKEN ' + (await reply.json()).value);`,
);

const SPAWN = action(
  'spawn',
  `import { exec, execFileSync } from 'node:child_process';
console.log(execFileSync('echo', ['child']).toString());
exec('echo other', (error, out) => console.log(out));`,
);

function jobs(...parts: readonly (readonly [name: string, permissions: string, steps: string])[]): string {
  return parts
    .map(
      ([name, permissions, steps]) =>
        `  ${name}:\n    permissions: { ${permissions} }\n    runs-on: u\n    steps:\n${steps}`,
    )
    .join('');
}

let scene: Scene;
beforeAll(async () => {
  scene = await Scene.open();
});
afterAll(() => scene.close());

describe('what a job gets', () => {
  test('the identity endpoint only with id-token: write', async () => {
    const steps = '      - uses: $/actions/env\n      - run: env\n';
    const result = await scene.run({
      road: road(jobs(['plain', 'contents: read', steps], ['seal', 'id-token: write', steps])),
      actions: PRINT_ENVIRONMENT,
    });
    for (const index of [0, 1]) {
      expect(environment(step(result, 'plain', index))).not.toHaveProperty('ACTIONS_ID_TOKEN_REQUEST_URL');
      expect(environment(step(result, 'plain', index))).not.toHaveProperty('ACTIONS_ID_TOKEN_REQUEST_TOKEN');
      expect(environment(step(result, 'seal', index))).toHaveProperty('ACTIONS_ID_TOKEN_REQUEST_URL');
    }
  });

  test('a token whose claims name the run, the called workflow and its commit', async () => {
    const result = await scene.run({
      road: road(jobs(['seal', 'id-token: write', '      - uses: $/actions/token\n'])),
      actions: TOKEN,
    });
    const log = step(result, 'seal', 0).log;
    const claims = decodeJwt(/TOKEN (\S+)/.exec(log)?.[1] ?? '');
    expect(claims).toMatchObject({
      aud: 'sigstore',
      sub: 'repo:acme/widget:ref:refs/heads/main',
      repository: 'acme/widget',
      repository_id: '900100',
      repository_owner_id: '800200',
      event_name: 'push',
      ref_protected: 'true',
      runner_environment: 'github-hosted',
      workflow_ref: 'acme/widget/.github/workflows/release.yml@refs/heads/main',
      job_workflow_ref: 'org/paved/.github/workflows/road.yml@refs/tags/v1',
      run_id: result.runId,
    });
    expect(claims.job_workflow_sha).toMatch(/^[0-9a-f]{40}$/);
    expect(claims.job_workflow_sha).not.toBe(claims.sha);
  });

  test('nothing of the host environment, and no GITHUB_TOKEN variable', async () => {
    process.env.PAVED_HOST_SECRET = 'leak';
    const result = await scene.run(
      {
        road: road(jobs(['plain', 'contents: read', '      - uses: $/actions/env\n      - run: env\n'])),
        actions: PRINT_ENVIRONMENT,
      },
      { env: { PAVED_GIVEN: 'yes' } },
    );
    delete process.env.PAVED_HOST_SECRET;
    for (const index of [0, 1]) {
      const seen = environment(step(result, 'plain', index));
      expect(seen).not.toHaveProperty('PAVED_HOST_SECRET');
      expect(seen).not.toHaveProperty('GITHUB_TOKEN');
      expect(seen).toMatchObject({ PAVED_GIVEN: 'yes', CI: 'true', GITHUB_REPOSITORY_ID: '900100' });
      expect(seen.HOME).not.toBe(process.env.HOME);
    }
    expect(environment(step(result, 'plain', 0))).toHaveProperty('ACTIONS_RUNTIME_TOKEN', '***');
    expect(environment(step(result, 'plain', 1))).not.toHaveProperty('ACTIONS_RUNTIME_TOKEN');
  });

  test('folders of its own', async () => {
    const write = '      - run: touch "$HOME/left" "$RUNNER_TEMP/left" left\n';
    const read = '      - run: ls "$HOME" "$RUNNER_TEMP" . | grep -c left || true\n';
    const result = await scene.run({
      road: road(jobs(['one', 'contents: read', write + read], ['two', 'contents: read', read])),
    });
    expect(step(result, 'one', 1).log).toBe('3');
    expect(step(result, 'two', 0).log).toBe('0');
  });

  test('the permissions of its token, held by the API', async () => {
    const curl = action(
      'curl',
      `const headers = { authorization: 'Bearer ' + process.env['INPUT_TOKEN'] };
const path = '/repos/acme/widget/actions/runs/' + process.env.GITHUB_RUN_ID + '/jobs';
console.log('STATUS ' + (await fetch(process.env.GITHUB_API_URL + path, { headers })).status);`,
      { inputs: 'inputs:\n  token:\n    description: t\n    default: ${{ github.token }}\n' },
    );
    const steps = '      - uses: $/actions/curl\n';
    const result = await scene.run({
      road: road(jobs(['may', 'actions: read', steps], ['may-not', 'contents: read', steps])),
      actions: curl,
    });
    expect(step(result, 'may', 0).log).toBe('STATUS 200');
    expect(step(result, 'may-not', 0).log).toBe('STATUS 403');
  });

  test('no process that outlives it', async () => {
    const result = await scene.run({
      road: road(jobs(['one', 'contents: read', '      - run: setsid sleep 300 >/dev/null 2>&1 & echo "$!"\n'])),
    });
    const pid = Number(step(result, 'one', 0).log);
    expect(pid).toBeGreaterThan(1);
    // What is killed takes a moment to go on a busy machine, and may stay as an entry without a command until its parent looks.
    const command = () => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    for (let look = 0; look < 100 && (await command()) !== ''; look++) await sleep(50);
    expect(await command()).toBe('');
  });
});

describe('the trap for child processes', () => {
  const steps = '      - uses: $/actions/spawn\n';

  test('sees every use in a job with id-token: write, and none elsewhere', async () => {
    const workflow = road(jobs(['seal', 'id-token: write', steps], ['plain', 'contents: read', steps]));
    const result = await scene.run({ road: workflow, actions: SPAWN }, { trapProcesses: true });
    expect(step(result, 'seal', 0).childProcesses.map(({ api }) => api)).toEqual(['execFileSync', 'spawn']);
    expect(step(result, 'seal', 0).childProcesses[0]?.command).toBe('echo');
    expect(step(result, 'plain', 0).childProcesses).toEqual([]);
    expect(job(result, 'seal').result).toBe('success');
  });

  test('is silent about an action that starts none', async () => {
    const result = await scene.run(
      { road: road(jobs(['seal', 'id-token: write', '      - uses: $/actions/env\n'])), actions: PRINT_ENVIRONMENT },
      { trapProcesses: true },
    );
    expect(step(result, 'seal', 0)).toMatchObject({ outcome: 'success', childProcesses: [] });
  });
});
