import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { road, Scene } from './scene.js';

let scene: Scene;
beforeAll(async () => {
  scene = await Scene.open();
});
afterAll(() => scene.close());

const STEP = '      - id: s\n        run: echo "${{ matrix.a }}=${{ strategy.job-index }}" >> "$GITHUB_OUTPUT"\n';

/** A job `legs` with this strategy, and one after it. */
function jobs(strategy: string, steps = STEP, more = ''): string {
  return road(
    `  legs:\n    runs-on: u\n    strategy: ${strategy}\n${more}    steps:\n${steps}` +
      '  after:\n    needs: legs\n    runs-on: u\n    steps:\n      - run: "true"\n',
  );
}

const resultsOf = async (strategy: string, steps?: string, more?: string) =>
  (await scene.run({ road: jobs(strategy, steps, more) })).jobs.map(({ name, result }) => [name, result]);

describe('a matrix', () => {
  test('is one machine per combination, and the job after it waits for all', async () => {
    expect(await resultsOf('{ matrix: { a: [x, y], b: [1, 2] } }')).toEqual([
      ['release / legs (x, 1)', 'success'],
      ['release / legs (x, 2)', 'success'],
      ['release / legs (y, 1)', 'success'],
      ['release / legs (y, 2)', 'success'],
      ['release / after', 'success'],
    ]);
  });

  test('comes from an expression, and a name may hold its values', async () => {
    const strategy = `{ matrix: { a: "\${{ fromJSON('[\\"p\\", \\"q\\"]') }}" } }`;
    const names = (await resultsOf(strategy, STEP, '    name: "on ${{ matrix.a }}"\n')).map(([name]) => name);
    expect(names).toEqual(['release / on p', 'release / on q', 'release / after']);
  });

  const FAIL_FIRST = '      - run: test "${{ matrix.a }}" != x\n';
  test('cancels what has not begun after a failure, unless fail-fast is off', async () => {
    expect(await resultsOf('{ matrix: { a: [x, y] } }', FAIL_FIRST)).toEqual([
      ['release / legs (x)', 'failure'],
      ['release / legs (y)', 'cancelled'],
      ['release / after', 'skipped'],
    ]);
    expect(await resultsOf('{ fail-fast: false, matrix: { a: [x, y] } }', FAIL_FIRST)).toEqual([
      ['release / legs (x)', 'failure'],
      ['release / legs (y)', 'success'],
      ['release / after', 'skipped'],
    ]);
  });

  test('outputs of different names come from all legs; of one name, the last that is set stays', async () => {
    const outputs =
      '    outputs: { x: "${{ steps.s.outputs.x }}", y: "${{ steps.s.outputs.y }}", n: "${{ matrix.a }}" }\n';
    const text = jobs('{ matrix: { a: [x, y] } }', STEP, outputs).replace(
      'on:\n  workflow_call:\n',
      'on:\n  workflow_call:\n    outputs:\n      all: { value: "${{ toJSON(jobs.legs.outputs) }}" }\n',
    );
    const run = await scene.run({ road: text });
    expect(JSON.parse(run.outputs.release?.all ?? '{}')).toEqual({ x: '0', y: '1', n: 'y' });
  });

  test('is the list of include, whose values choose the machine', async () => {
    const strategy = '{ matrix: { include: [{ a: x, on: u }, { a: y, on: v }] } }';
    const text = jobs(strategy).replace('runs-on: u', 'runs-on: "${{ matrix.on }}"');
    expect((await scene.run({ road: text })).jobs.map(({ name }) => name)).toEqual([
      'release / legs (x, u)',
      'release / legs (y, v)',
      'release / after',
    ]);
  });

  test.each([
    ['without values', '{ matrix: { a: "${{ fromJSON(\'[]\') }}" } }', /does not contain any values/],
    ['with include beside vectors', '{ matrix: { a: [x], include: [{ b: y }] } }', /"include" beside "a"/],
    ['with an empty include', '{ matrix: { include: [] } }', /does not contain any values/],
    ['with exclude', '{ matrix: { a: [x], exclude: [{ a: x }] } }', /"exclude"/],
    ['with a limit', '{ max-parallel: 1, matrix: { a: [x] } }', /max-parallel/],
  ])('%s ends the job with an error', async (_name, strategy, message) => {
    const run = await scene.run({ road: jobs(strategy) });
    expect([run.ok, run.jobs[0]?.result]).toEqual([false, 'failure']);
    expect(run.jobs[0]?.annotations[0]?.message).toMatch(message);
  });
});
