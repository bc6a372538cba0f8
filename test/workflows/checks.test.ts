import { beforeAll, describe, expect, test } from '@jest/globals';
import { readConfig, renderWorkflows } from '@paved/toolchain';
import { violationsOf } from './rules.js';
import { parseWorkflow } from './workflow.js';

let text: string;
beforeAll(async () => {
  const rendered = await renderWorkflows('workflows', await readConfig('paved.config.yml'));
  text = rendered.find(({ name }) => name === 'checks.yml')?.text ?? '';
});

describe('checks', () => {
  test('keeps every rule, and can neither mint a token nor write', () => {
    const workflow = parseWorkflow(text);
    expect(violationsOf(workflow)).toEqual([]);
    expect(Object.values(workflow.jobs).map(({ permissions }) => permissions)).toEqual([
      { contents: 'read' },
      { contents: 'read' },
    ]);
  });

  test('the checks leave the machine before a scanner runs', () => {
    const ids = parseWorkflow(text).jobs.source?.steps.map(({ id }) => id) ?? [];
    expect(ids.indexOf('send-checks')).toBeGreaterThan(ids.indexOf('checks'));
    expect(ids.indexOf('send-checks')).toBeLessThan(ids.indexOf('scan'));
  });

  test.each([
    ['scans something else', 'path: ${{ github.workspace }}', 'path: docs'],
    ['takes a policy of the change', 'policy-from-repository: true', 'policy-from-repository: false'],
    ['checks out another commit', 'ref: ${{ github.sha }}', 'ref: main'],
  ])('%s: a rule goes red', (_what, from, to) => {
    expect(text).toContain(from);
    expect(violationsOf(parseWorkflow(text.replaceAll(from, () => to)))).not.toEqual([]);
  });
});
