import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type RunResult, type RunWorkflowOptions, runWorkflow } from '@paved/local-runner';
import { CALLER, type Files, job, PRINT_ENVIRONMENT, road, Scene, step } from './scene.js';

let scene: Scene;
beforeAll(async () => {
  scene = await Scene.open();
});
afterAll(() => scene.close());

const CHAIN = `  one:
    runs-on: u
    outputs: { attempt: "\${{ steps.say.outputs.attempt }}" }
    steps:
      - id: say
        run: echo "attempt=$GITHUB_RUN_ATTEMPT" >> "$GITHUB_OUTPUT"
  beside:
    runs-on: u
    steps:
      - run: "true"
  two:
    needs: one
    runs-on: u
    steps:
      - env: { SEEN: "\${{ needs.one.outputs.attempt }} \${{ needs.one.result }}" }
        run: |
          echo "seen $SEEN in $GITHUB_RUN_ATTEMPT"
          test "$GITHUB_RUN_ATTEMPT" != 1
`;

/** Runs the same commits twice: all jobs, then `again`. */
async function twice(
  text: string,
  again: (first: RunResult) => Partial<RunWorkflowOptions>,
  actions: Files = {},
): Promise<readonly [RunResult, RunResult]> {
  const path = '.github/workflows/release.yml';
  const caller = await scene.repository({ [path]: CALLER });
  const paved = await scene.repository({ '.github/workflows/road.yml': road(text), ...actions });
  const options: RunWorkflowOptions = {
    callerRepository: {
      ...caller,
      ...{ owner: 'acme', name: 'widget', id: '900100', ownerId: '800200' },
      ...{ ref: 'refs/heads/main', refProtected: true, event: 'push' },
    },
    workflowPath: path,
    repositories: { 'org/paved': paved },
    services: scene.github,
  };
  const first = await runWorkflow(options);
  return [first, await runWorkflow({ ...options, ...again(first) })];
}

describe('another attempt of a run', () => {
  test('keeps what succeeded, with its outputs, and runs what failed', async () => {
    const [first, second] = await twice(CHAIN, (previous) => ({ rerun: { previous } }));
    expect(first.ok).toBe(false);
    expect(second).toMatchObject({ ok: true, runId: first.runId });
    expect(second.jobs.map(({ id, attempt }) => [id, attempt])).toEqual([
      ['one', 1],
      ['beside', 1],
      ['two', 2],
    ]);
    expect(step(second, 'two', 0).log).toContain('seen 1 success in 2');
  });

  test('runs a job again that is named, and what needs it, but not its neighbours', async () => {
    const [, second] = await twice(CHAIN, (previous) => ({ rerun: { previous, jobs: ['one'] } }));
    expect(second.jobs.map(({ id, attempt }) => [id, attempt])).toEqual([
      ['one', 2],
      ['beside', 1],
      ['two', 2],
    ]);
    expect(step(second, 'two', 0).log).toContain('seen 2 success in 2');
  });

  test('is a run of its own without it', async () => {
    const [first, second] = await twice(CHAIN, () => ({}));
    expect(second.runId).not.toBe(first.runId);
    expect(job(second, 'two').result).toBe('failure');
  });
});

test.each([
  [true, ''],
  [false, 'x'],
])('without facts of the workflow (%s) they are empty', async (withoutWorkflowFacts, more) => {
  const jobs =
    '  only:\n    runs-on: u\n    steps:\n      - env: { SHA: "${{ job.workflow_sha }}" }\n        run: echo "[${SHA:+x}]"\n';
  const result = await scene.run({ road: road(jobs) }, { withoutWorkflowFacts });
  expect(step(result, 'only', 0).log).toContain(`[${more}]`);
});

describe('a job with an environment', () => {
  const seal = (more: string) =>
    road(
      `  seal:\n    runs-on: u\n    permissions: { id-token: write }\n${more}    steps:\n      - uses: $/actions/env\n`,
    );

  test('starts when it is approved, and says so in the result', async () => {
    const asked: unknown[] = [];
    const result = await scene.run(
      { road: seal('    environment: production\n'), actions: PRINT_ENVIRONMENT },
      { approve: (request) => asked.push(request) === 1 },
    );
    expect(asked).toEqual([{ environment: 'production', job: 'release / seal' }]);
    expect(job(result, 'seal')).toMatchObject({ result: 'success', environment: 'production' });
  });

  test('runs no step when it is rejected', async () => {
    const result = await scene.run(
      { road: seal('    environment: { name: production }\n'), actions: PRINT_ENVIRONMENT },
      { approve: () => false },
    );
    expect(result.ok).toBe(false);
    expect(job(result, 'seal')).toMatchObject({ result: 'failure', steps: [] });
  });

  test.each([
    ['no environment', ''],
    ['an empty one', "    environment: ''\n"],
  ])('%s asks nobody', async (_what, more) => {
    const result = await scene.run({ road: seal(more), actions: PRINT_ENVIRONMENT }, { approve: () => false });
    expect(job(result, 'seal').result).toBe('success');
    expect(job(result, 'seal')).not.toHaveProperty('environment');
  });
});

test('a group of concurrency is evaluated', async () => {
  const more = (queue: string) =>
    `  only:\n    runs-on: u\n    concurrency: ${queue}\n    steps:\n      - run: "true"\n`;
  const text = '{ group: "seal ${{ github.repository }}", cancel-in-progress: false }';
  expect(job(await scene.run({ road: road(more(text)) }), 'only').concurrency).toEqual({
    group: 'seal acme/widget',
    cancelInProgress: false,
  });
  expect(job(await scene.run({ road: road(more('seal')) }), 'only').concurrency?.group).toBe('seal');
});

test('another server stands in the facts of the run', async () => {
  const jobs = '  only:\n    runs-on: u\n    steps:\n      - run: echo "at $GITHUB_SERVER_URL"\n';
  const result = await scene.run({ road: road(jobs) }, { serverUrl: 'https://acme.ghe.com' });
  expect(step(result, 'only', 0).log).toContain('at https://acme.ghe.com');
});

/** Two legs, each with an output of its own; the second fails in the first attempt. */
const LEGS = `  legs:
    runs-on: u
    strategy: { matrix: { a: [x, y] } }
    outputs:
      x: "\${{ matrix.a == 'x' && steps.say.outputs.attempt || '' }}"
      y: "\${{ matrix.a == 'y' && steps.say.outputs.attempt || '' }}"
    steps:
      - id: say
        run: |
          test "\${{ matrix.a }}$GITHUB_RUN_ATTEMPT" != y1
          echo "attempt=$GITHUB_RUN_ATTEMPT" >> "$GITHUB_OUTPUT"
  after:
    needs: legs
    runs-on: u
    steps:
      - env: { SEEN: "\${{ toJSON(needs.legs.outputs) }}" }
        run: echo $SEEN
`;

describe('another attempt of a matrix', () => {
  const jobsOf = ({ jobs }: RunResult) => jobs.map(({ name, result, attempt }) => [name, result, attempt]);

  test('keeps the leg that succeeded, and its output beside that of the other', async () => {
    const [, second] = await twice(LEGS, (previous) => ({ rerun: { previous } }));
    expect(jobsOf(second)).toEqual([
      ['release / legs (x)', 'success', 1],
      ['release / legs (y)', 'success', 2],
      ['release / after', 'success', 2],
    ]);
    expect(second.jobs.at(-1)?.steps[0]?.log).toContain('{ "x": "1", "y": "2" }');
  });

  test('runs one leg again by its name', async () => {
    const jobs = ['release / legs (x)'];
    const [, second] = await twice(LEGS.replace('!= y1', '!= z1'), (previous) => ({ rerun: { previous, jobs } }));
    expect(jobsOf(second)).toEqual([
      ['release / legs (x)', 'success', 2],
      ['release / legs (y)', 'success', 1],
      ['release / after', 'success', 2],
    ]);
  });
});
