import { describe, expect, test } from '@jest/globals';
import { violationsOf } from './rules.js';
import { parseWorkflow, renderedWorkflow } from './workflow.js';

const RELEASE = renderedWorkflow('release-artifact');

describe.each(['release-artifact', 'release-container'])('the seal of %s', (name) => {
  const { seal } = parseWorkflow(renderedWorkflow(name)).jobs;

  test('waits for another of the same artifact and version, whichever workflow it is in, and stops none', () => {
    expect(seal?.concurrency).toEqual({
      group: 'paved-seal ${{ github.repository }}/${{ inputs.name }}:${{ inputs.version }}',
      'cancel-in-progress': 'false',
    });
  });

  test('has no environment where the platform names none', () => {
    expect(seal).not.toHaveProperty('environment', expect.anything());
  });
});

test.each<readonly [string, string | RegExp, string, number]>([
  ['no age', /\n +max-age: '24h'\n(?= +- name: Lay)/, '\n', 4],
  ['an age that the caller names', "max-age: '24h'", "max-age: '${{ inputs.version }}'", 9],
  ['no time', 'made: ${{ needs.inspect.outputs.inspection-made }}', 'made: now', 4],
  ['no group', /\n {4}concurrency:\n.+\n.+\n/, '\n', 6],
  ['one group for all versions', ':${{ inputs.version }}\n', '\n', 6],
  ['runs that stop each other', 'cancel-in-progress: false', 'cancel-in-progress: true', 6],
])('a seal with %s breaks a rule', (_what, from, to, rule) => {
  const text = RELEASE.replace(from, to);
  expect(text).not.toBe(RELEASE);
  expect(violationsOf(parseWorkflow(text)).map((found) => found.rule)).toContain(rule);
});
