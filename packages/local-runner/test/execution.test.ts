import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { RunEvent } from '@paved/local-runner';
import { action, CALLER, job, road, Scene, step } from './scene.js';

const CHECKOUT = 'actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd';

let scene: Scene;
beforeAll(async () => {
  scene = await Scene.open();
});
afterAll(() => scene.close());

/** One job `only` with these steps. */
function only(steps: string, more = ''): string {
  return `  only:\n    runs-on: u\n${more}    steps:\n${steps}`;
}

describe('outputs', () => {
  test('travel from step to job, from called to calling workflow, and to the next job', async () => {
    const on = '  workflow_call:\n    outputs:\n      result: { value: "${{ jobs.two.outputs.seen }}" }\n';
    const jobs = `  one:
    runs-on: u
    outputs: { word: "\${{ steps.say.outputs.word }}" }
    steps:
      - id: say
        run: echo word=hello >> "$GITHUB_OUTPUT"
  two:
    needs: one
    runs-on: u
    outputs: { seen: "\${{ steps.hear.outputs.word }}!" }
    steps:
      - id: hear
        env: { WORD: "\${{ needs.one.outputs.word }}" }
        run: |
          printf 'word<<END\\n%s\\nEND\\n' "$WORD" >> "$GITHUB_OUTPUT"
`;
    const result = await scene.run({ road: road(jobs, on) });
    expect(result).toMatchObject({ ok: true, outputs: { release: { result: 'hello!' } } });
  });

  test('are dropped with a warning when they contain a secret', async () => {
    const steps = (mask: string) =>
      `      - id: s\n        run: |\n          ${mask}\n          echo a=xx-s3cret-xx >> "$GITHUB_OUTPUT"\n          echo b=plain >> "$GITHUB_OUTPUT"\n`;
    const outputs = '    outputs: { a: "${{ steps.s.outputs.a }}", b: "${{ steps.s.outputs.b }}" }\n';
    const masked = await scene.run({ road: road(only(steps('echo "::add-mask::s3cret"'), outputs)) });
    expect(job(masked, 'only').outputs).toEqual({ b: 'plain' });
    expect(job(masked, 'only').annotations).toEqual([
      { level: 'warning', message: "Skip output 'a' since it may contain secret." },
    ]);
    const plain = await scene.run({ road: road(only(steps('true'), outputs)) });
    expect(job(plain, 'only').outputs).toEqual({ a: 'xx-s3cret-xx', b: 'plain' });
  });

  test('of a malformed file fail the step', async () => {
    const result = await scene.run({ road: road(only('      - run: echo nonsense >> "$GITHUB_OUTPUT"\n')) });
    expect(step(result, 'only', 0)).toMatchObject({ outcome: 'failure' });
  });
});

describe('needs and conditions', () => {
  test('a failed job skips what needs it, but not what asks for always()', async () => {
    const later = (name: string, condition: string) =>
      `  ${name}:\n    needs: bad\n${condition}    runs-on: u\n    steps:\n      - run: "true"\n`;
    const jobs = `  bad:\n    runs-on: u\n    steps:\n      - run: exit 3\n      - run: echo not reached\n      - if: failure()\n        run: echo reached\n${later('skipped', '')}${later('anyway', '    if: always()\n')}`;
    const result = await scene.run({ road: road(jobs) });
    expect(result.ok).toBe(false);
    expect(job(result, 'bad').steps.map(({ outcome }) => outcome)).toEqual(['failure', 'skipped', 'success']);
    expect(step(result, 'bad', 0).annotations[0]?.message).toContain('exit code 3');
    expect(job(result, 'skipped')).toMatchObject({ result: 'skipped', steps: [] });
    expect(job(result, 'anyway').result).toBe('success');
  });

  test('a skipped ancestor skips the whole chain', async () => {
    const chain = (name: string, more: string) =>
      `  ${name}:\n${more}    runs-on: u\n    steps:\n      - run: "true"\n`;
    const jobs =
      chain('a', "    if: github.ref == 'refs/heads/other'\n") +
      chain('b', '    needs: a\n    if: always()\n') +
      chain('c', '    needs: b\n');
    const result = await scene.run({ road: road(jobs) });
    expect(result.jobs.map(({ id, result: end }) => [id, end])).toEqual([
      ['a', 'skipped'],
      ['b', 'success'],
      ['c', 'skipped'],
    ]);
  });

  test('continue-on-error keeps outcome and conclusion apart', async () => {
    const steps =
      '      - id: s\n        run: exit 1\n        continue-on-error: true\n      - run: echo ${{ steps.s.outcome }} ${{ steps.s.conclusion }}\n';
    const result = await scene.run({ road: road(only(steps)) });
    expect(step(result, 'only', 1).log).toBe('failure success');
  });

  test('time limits end a step', async () => {
    const result = await scene.run({ road: road(only('      - run: sleep 60\n        timeout-minutes: 0.005\n')) });
    expect(step(result, 'only', 0)).toMatchObject({ outcome: 'failure' });
    expect(step(result, 'only', 0).annotations[0]?.message).toContain('time limit');
  });
});

describe('actions', () => {
  const STATEFUL = action(
    'stateful',
    `import { appendFileSync } from 'node:fs';
appendFileSync(process.env.GITHUB_STATE, 'name=' + process.env['INPUT_NAME'] + '\\n');`,
    {
      inputs: 'inputs:\n  name: { description: n, default: none }\n',
      post: `console.log('post of ' + process.env.STATE_name + ' ' + process.env['INPUT_NAME']);`,
    },
  );

  test('run their post steps last to first, also after a failure', async () => {
    const use = (name: string) => `      - uses: $/actions/stateful\n        with: { name: ${name} }\n`;
    const result = await scene.run({
      road: road(only(`${use('a')}${use('b')}      - run: exit 1\n`)),
      actions: STATEFUL,
    });
    expect(
      job(result, 'only')
        .steps.slice(3)
        .map(({ log }) => log),
    ).toEqual(['post of b b', 'post of a a']);
    expect(job(result, 'only').result).toBe('failure');
  });

  test('come from the commit of the workflow file, whatever the workspace holds', async () => {
    const caller = `${CALLER}`;
    const steps = `      - uses: ${CHECKOUT}\n        with: { persist-credentials: false }\n      - run: cat README.md actions/who/main.js\n      - uses: $/actions/who\n`;
    const result = await scene.run({
      caller,
      road: road(only(steps)),
      actions: action('who', `console.log('the road');`),
      files: action('who', `console.log('the caller');`),
    });
    expect(step(result, 'only', 1).log).toContain('the caller');
    expect(step(result, 'only', 2).log).toBe('the road');
  });

  test.each([
    ['a mutable reference', 'other/action@v1'],
    ['an action that does not exist', '$/actions/absent'],
    ['a path of the workspace', './actions/who'],
  ])('are refused for %s, before any step runs', async (_name, uses) => {
    const result = await scene.run({ road: road(only(`      - run: echo first\n      - uses: ${uses}\n`)) });
    expect(job(result, 'only')).toMatchObject({ result: 'failure', steps: [] });
    expect(job(result, 'only').annotations[0]?.level).toBe('error');
  });

  test('are warned about inputs that they do not declare', async () => {
    const steps = '      - uses: $/actions/stateful\n        with: { nmae: x }\n';
    const result = await scene.run({ road: road(only(steps)), actions: STATEFUL });
    expect(step(result, 'only', 0).annotations).toEqual([{ level: 'warning', message: "Unexpected input(s) 'nmae'" }]);
  });
});

describe('checkout', () => {
  const steps = (persist: string) =>
    `      - uses: ${CHECKOUT}\n        with: { persist-credentials: ${persist} }\n      - run: git rev-parse HEAD; git status --porcelain; cat README.md\n`;

  test('is the exact commit of the run', async () => {
    const result = await scene.run({ road: road(only(steps('false'))) });
    expect(step(result, 'only', 1).log).toMatch(/^[0-9a-f]{40}\nhello$/);
  });

  test('with credentials is refused', async () => {
    const result = await scene.run({ road: road(only(steps('true'))) });
    expect(step(result, 'only', 0).annotations[0]?.message).toContain('persist-credentials');
  });
});

describe('what a step prints', () => {
  test.each([
    [
      'an annotation',
      'echo "::error file=a.txt,line=3,title=T::bad%0Athing"',
      [{ level: 'error', message: 'bad\nthing', file: 'a.txt', line: 3, title: 'T' }],
    ],
    [
      'nothing between stop-commands and its token',
      'echo ::stop-commands::tok; echo ::error::no; echo ::tok::; echo ::notice::yes',
      [{ level: 'notice', message: 'yes' }],
    ],
    [
      'at most ten of a level',
      'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo "::warning::$i"; done',
      Array.from({ length: 10 }, (_, i) => ({ level: 'warning', message: String(i + 1) })),
    ],
  ])('%s', async (_name, script, annotations) => {
    const result = await scene.run({ road: road(only(`      - run: |\n          ${script}\n`)) });
    expect(step(result, 'only', 0).annotations).toEqual(annotations);
  });

  test('is masked, also before the secret was registered, and in its base64 form', async () => {
    const script =
      'echo hush; echo ::add-mask::hush; echo $(printf hush | base64); echo "# hush" >> "$GITHUB_STEP_SUMMARY"';
    const result = await scene.run({ road: road(only(`      - run: ${script}\n`)) });
    expect(step(result, 'only', 0)).toMatchObject({ log: '***\n***', summary: '# ***\n' });
  });

  test.each([
    ['set-env', 'echo "::set-env name=A::b"'],
    ['NODE_OPTIONS in GITHUB_ENV', 'echo NODE_OPTIONS=--require=/tmp/x >> "$GITHUB_ENV"'],
  ])('fails the step for %s', async (_name, script) => {
    const result = await scene.run({ road: road(only(`      - run: |\n          ${script}\n`)) });
    expect(step(result, 'only', 0).outcome).toBe('failure');
  });

  test('GITHUB_ENV and GITHUB_PATH reach later steps', async () => {
    const steps =
      '      - run: |\n          echo WORD=hi >> "$GITHUB_ENV"\n          mkdir bin; printf "echo tool" > bin/mytool; chmod +x bin/mytool\n          echo "$PWD/bin" >> "$GITHUB_PATH"\n      - run: echo "$WORD ${{ env.WORD }}"; mytool\n';
    const result = await scene.run({ road: road(only(steps)) });
    expect(step(result, 'only', 1).log).toBe('hi hi\ntool');
  });
});

describe('contexts', () => {
  test('github describes the caller, job describes the called workflow', async () => {
    const steps =
      '      - env:\n          A: ${{ github.workflow_ref }} ${{ github.repository_id }} ${{ github.ref_protected }}\n          B: ${{ job.workflow_ref }} ${{ job.workflow_repository }} ${{ job.workflow_file_path }}\n        run: echo "$A"; echo "$B"\n';
    const result = await scene.run({ road: road(only(steps)) });
    expect(step(result, 'only', 0).log.split('\n')).toEqual([
      'acme/widget/.github/workflows/release.yml@refs/heads/main 900100 true',
      'org/paved/.github/workflows/road.yml@refs/tags/v1 org/paved .github/workflows/road.yml',
    ]);
  });

  test('inputs have their types and defaults', async () => {
    const on =
      '  workflow_call:\n    inputs:\n      flag: { type: boolean, default: true }\n      count: { type: number, required: true }\n      text: { type: string }\n';
    const steps = "      - run: echo '${{ toJSON(inputs) }}'\n";
    const caller = `${CALLER}    with: { count: 3 }\n`;
    const result = await scene.run({ road: road(only(steps), on), caller });
    expect(JSON.parse(step(result, 'only', 0).log)).toEqual({ flag: true, count: 3, text: '' });
    const wrong = await scene.run({ road: road(only(steps), on), caller: caller.replace('3', 'three') });
    expect(wrong.ok).toBe(false);
  });
});

test('tells what happens, in order, and runs the hook between jobs', async () => {
  const jobs =
    '  one:\n    runs-on: u\n    steps:\n      - name: First\n        run: "true"\n  two:\n    needs: one\n    runs-on: u\n    steps:\n      - run: "true"\n';
  const events: RunEvent[] = [];
  const between: string[] = [];
  const result = await scene.run(
    { road: road(jobs) },
    {
      onEvent: (event) => events.push(event),
      between: (id, facts) => void between.push(`${id} ${facts.job.result} ${events.length}`),
    },
  );
  expect(result.jobs.map(({ name }) => name)).toEqual(['release / one', 'release / two']);
  const sequence = ['job-started', 'step-started', 'step-finished', 'job-finished'];
  expect(events.map(({ $case }) => $case)).toEqual([...sequence, ...sequence]);
  expect(between).toEqual(['one success 4', 'two success 8']);
});
