import { beforeAll, describe, expect, test } from '@jest/globals';
import { readConfig, renderWorkflows } from '@paved/toolchain';
import { parse } from 'yaml';
import { violationsOf } from './rules.js';
import { parseWorkflow } from './workflow.js';

let text: string;
beforeAll(async () => {
  const rendered = await renderWorkflows('workflows', await readConfig('paved.config.yml'));
  text = rendered.find(({ name }) => name === 'watch.yml')?.text ?? '';
});

describe('watch', () => {
  test('keeps every rule', () => {
    expect(violationsOf(parseWorkflow(text))).toEqual([]);
  });

  test('writes issues alone, with own actions alone, one run at a time', () => {
    const { jobs } = parseWorkflow(text);
    expect(Object.values(jobs).map(({ permissions }) => permissions)).toEqual([
      { actions: 'read', contents: 'read', issues: 'write' },
    ]);
    expect(jobs.watch?.steps.map(({ uses }) => uses)).toEqual(['$/actions/watch', '$/actions/handoff']);
    expect(parse(text)).toMatchObject({ concurrency: { group: 'watch', 'cancel-in-progress': false } });
  });

  test('nobody who starts it by hand names logs, trust or an address', () => {
    expect(
      Object.keys((parse(text) as { on: { workflow_dispatch: { inputs: object } } }).on.workflow_dispatch.inputs),
    ).toEqual(['start']);
    const broken = text.replace("trust-repository: 'org/paved'", () => `trust-repository: \${{ inputs.start }}`);
    expect(broken).not.toBe(text);
    expect(violationsOf(parseWorkflow(broken)).map(({ rule }) => rule)).toEqual([9]);
  });

  test('the state is left also by a red run, and on no other condition', () => {
    const from = "steps.watch.outputs.state-path != ''";
    expect(text).toContain(from);
    expect(violationsOf(parseWorkflow(text.replace(from, 'true'))).map(({ rule }) => rule)).toEqual([4]);
  });
});
