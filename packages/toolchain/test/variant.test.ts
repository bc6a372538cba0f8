import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { deriveVariants } from '../src/render/variant.js';

const LEGS = [
  { platform: 'linux/amd64', key: 'linux-amd64', runner: 'big' },
  { platform: 'linux/arm64', key: 'linux-arm64', runner: 'small' },
];
const SOURCE = `name: road
# kept
on: { workflow_call: {} }
jobs:
  build:
    runs-on: u # why
    outputs: { id: a }
    steps:
      - { id: one, with: { path: x } }
      - { id: two, with: { path: y } }
`;

function derive(patch: string, over = 'over: { road: {} }', legs = LEGS): string {
  const text = `${over}\nworkflow:\n${patch.replaceAll(/^/gm, '  ')}\n`;
  return deriveVariants({ name: 'wide.yml', text }, [{ name: 'road.yml', text: SOURCE }], legs)[0]?.text ?? '';
}

const jobOf = (patch: string, over?: string) => parse(derive(patch, over)).jobs.build;

describe('a variant', () => {
  test('is the source under another name, and keeps its comments and order', () => {
    const plain = (text: string) => text.replaceAll(/[{} ]+/g, ' ');
    expect(plain(derive('{}'))).toBe(plain(SOURCE.replace('name: road', 'name: road-wide')));
  });

  test('sets, takes away and inserts where it says', () => {
    const job = jobOf(`jobs:
  build:
    runs-on: v
    strategy: { fail-fast: true }
    outputs: { id: ~, key: b }
    steps:
      one: { with: { path: z } }
      more: { after: one, id: more, uses: x }`);
    expect(Object.keys(job)).toEqual(['runs-on', 'strategy', 'outputs', 'steps']);
    expect(job).toEqual({
      'runs-on': 'v',
      strategy: { 'fail-fast': true },
      outputs: { key: 'b' },
      steps: [
        { id: 'one', with: { path: 'z' } },
        { id: 'more', uses: 'x' },
        { id: 'two', with: { path: 'y' } },
      ],
    });
  });

  test('repeats pairs, list items and lines for each leg', () => {
    const job = jobOf(`jobs:
  build:
    outputs: { '{{ leg.key }}-id': '{{ leg.runner }}' }
    strategy:
      include: [{ platform: '{{ leg.platform }}', runner: '{{ leg.runner }}' }]
    steps:
      one:
        with:
          path: |
            first
            build ({{ leg.platform }})`);
    expect(job.outputs).toEqual({ id: 'a', 'linux-amd64-id': 'big', 'linux-arm64-id': 'small' });
    expect(job.strategy.include).toEqual([
      { platform: 'linux/amd64', runner: 'big' },
      { platform: 'linux/arm64', runner: 'small' },
    ]);
    expect(job.steps[0].with.path).toBe('first\nbuild (linux/amd64)\nbuild (linux/arm64)\n');
  });

  test('changes each place where an alias stands on its own', () => {
    const job = jobOf('jobs:\n  build:\n    steps:\n      one: &same { with: { path: q } }\n      two: *same');
    expect(job.steps.map((step: { readonly with: unknown }) => step.with)).toEqual([{ path: 'q' }, { path: 'q' }]);
  });

  test('changes what is there of two, and first what is of one source alone', () => {
    const over = 'over: { road: { jobs: { build: { runs-on: w } } } }';
    expect(jobOf('jobs: { build | other: { name: n } }', over)).toMatchObject({ 'runs-on': 'w', name: 'n' });
  });
});

describe('a variant is refused', () => {
  test.each([
    ['over no workflow', 'a: 1', 'over: []'],
    ['over an unknown workflow', 'a: 1', 'over: { path: {} }'],
    ['that takes away what is not there', 'jobs: { build: { name: ~ } }', undefined],
    ['for an unknown step', 'jobs: { build: { steps: { three: { uses: x } } } }', undefined],
    ['with a new step after an unknown one', 'jobs: { build: { steps: { a: { after: three, id: a } } } }', undefined],
    ['with a new step without its id', 'jobs: { build: { steps: { a: { after: one } } } }', undefined],
    ['with a step that is no mapping', 'jobs: { build: { steps: { one: x } } }', undefined],
    ['for one of two jobs that are not there', 'jobs: { seal | gate: { name: n } }', undefined],
    ['with a leg outside of any list', "jobs: { build: { name: '{{ leg.key }}' } }", undefined],
    ['that does not parse', 'jobs: [', undefined],
  ])('%s', (_what, patch, over) => {
    expect(() => derive(patch, over)).toThrow(expect.objectContaining({ code: 'TEMPLATE_INVALID' }));
  });
});
