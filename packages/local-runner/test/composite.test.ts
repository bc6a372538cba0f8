import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { action, environment, job, PRINT_ENVIRONMENT, road, Scene, step } from './scene.js';

let scene: Scene;
beforeAll(async () => {
  scene = await Scene.open();
});
afterAll(() => scene.close());

const ECHO = action(
  'echo',
  `require('fs').appendFileSync(process.env.GITHUB_OUTPUT, 'said=' + process.env.INPUT_TEXT + '\\n'); if (process.env.INPUT_TEXT === 'fail') process.exit(1);`,
  {
    inputs: 'inputs:\n  text:\n    description: t\n    default: nothing\n',
    post: `console.log('POST ' + process.env.INPUT_TEXT)`,
  },
);

function composite(steps: string, outputs = ''): Record<string, string> {
  return {
    'actions/both/action.yml': `name: both\ndescription: test\ninputs:\n  text:\n    description: t\n    default: default text\n${outputs}runs:\n  using: composite\n  steps:\n${steps}`,
  };
}

const TWICE = composite(
  `    - id: first
      uses: $/actions/echo
      with:
        text: \${{ inputs.text }}
    - id: second
      uses: $/actions/echo
      with:
        text: \${{ steps.first.outputs.said }} again
`,
  'outputs:\n  said:\n    description: s\n    value: ${{ steps.second.outputs.said }}\n',
);

function one(step: string): string {
  return road(`  one:\n    runs-on: x\n    outputs:\n      said: \${{ steps.both.outputs.said }}\n    steps:\n${step}`);
}

describe('a composite action', () => {
  test('has its own inputs, steps and outputs, and posts run last to first', async () => {
    const result = await scene.run({
      road: one('      - id: both\n        uses: $/actions/both\n        with:\n          text: hello\n'),
      actions: { ...ECHO, ...TWICE },
    });
    const one_ = job(result, 'one');
    expect([result.ok, one_.outputs]).toEqual([true, { said: 'hello again' }]);
    expect(one_.steps.map(({ name }) => name)).toEqual([
      'Run $/actions/echo',
      'Run $/actions/echo',
      'Run $/actions/both',
      'Post Run $/actions/echo',
      'Post Run $/actions/echo',
    ]);
    expect(one_.steps.slice(3).map(({ log }) => log.trim())).toEqual(['POST hello again', 'POST hello']);
  });

  test('takes the default of an input that is not given', async () => {
    const result = await scene.run({
      road: one('      - id: both\n        uses: $/actions/both\n'),
      actions: { ...ECHO, ...TWICE },
    });
    expect(job(result, 'one').outputs).toEqual({ said: 'default text again' });
  });

  test('does not see the steps, needs or secrets of the job', async () => {
    const steps = composite(`    - id: first
      uses: $/actions/echo
      with:
        text: "[\${{ steps.outer.outputs.said }}\${{ github.action_repository }}]"
`);
    const result = await scene.run({
      road: one(
        '      - id: outer\n        uses: $/actions/echo\n        with: { text: secret }\n      - id: both\n        uses: $/actions/both\n',
      ),
      actions: { ...ECHO, ...steps },
    });
    expect(job(result, 'one').steps[1]?.outputs).toEqual({ said: '[org/paved]' });
  });

  test('fails when a step of it fails, and runs no further one', async () => {
    const result = await scene.run({
      road: one('      - id: both\n        uses: $/actions/both\n        with: { text: fail }\n'),
      actions: { ...ECHO, ...TWICE },
    });
    expect(job(result, 'one').result).toBe('failure');
    expect(
      job(result, 'one')
        .steps.map(({ outcome }) => outcome)
        .slice(0, 3),
    ).toEqual(['failure', 'skipped', 'failure']);
  });

  test('of another repository by tag: $/ in it is that repository at that commit, and its name stands in the environment', async () => {
    const steps = composite('    - uses: $/actions/env\n');
    const result = await scene.run({
      caller:
        'name: release\non: push\njobs:\n  one:\n    runs-on: x\n    steps:\n      - uses: org/paved/actions/both@v1\n',
      actions: { ...PRINT_ENVIRONMENT, ...steps },
    });
    expect(result.error).toBeUndefined();
    expect(environment(step(result, 'one', 0)).GITHUB_ACTION_REPOSITORY).toBe('org/paved');
  });

  test.each([
    ['itself', composite('    - uses: $/actions/both\n'), 'nest deeper'],
    ['an action that nobody gave', composite('    - uses: other/thing/sub@v1\n'), 'Cannot resolve action'],
    [
      'another kind',
      { 'actions/both/action.yml': 'name: a\ndescription: b\nruns:\n  using: docker\n  image: x\n' },
      'docker',
    ],
  ])('that uses %s is refused before a step runs', async (_what, actions, message) => {
    const result = await scene.run({ road: one('      - id: both\n        uses: $/actions/both\n'), actions });
    expect(job(result, 'one').result).toBe('failure');
    expect(job(result, 'one').steps).toEqual([]);
    expect(JSON.stringify(job(result, 'one').annotations)).toContain(message);
  });
});
