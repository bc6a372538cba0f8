import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';

const doc = readFileSync('docs/platform-facts.md', 'utf8');
const workflows = ['platform-facts', 'platform-facts-called'].map((name) =>
  readFileSync(`.github/workflows/${name}.yml`, 'utf8'),
);
const asserted = workflows.flatMap((text) => [...text.matchAll(/- name: (F\d+) /g)].map(([, id = '']) => id));
const rows = [...doc.matchAll(/^\| (F\d+) \| (.+?) \| (.+?) \| (.*?) ?\| (.+?) \|$/gm)];

describe('the platform facts', () => {
  test('each is asserted by one step, and each step is a fact', () => {
    expect(rows.map(([, id]) => id)).toEqual([...asserted].sort((a, b) => Number(a.slice(1)) - Number(b.slice(1))));
  });

  test('none is called proven without a run that shows it', () => {
    for (const [, id, , status, run] of rows) {
      expect([id, status === 'proven']).toEqual([id, /^https:\/\/github\.com\/.+\/actions\/runs\/\d+/.test(run ?? '')]);
    }
  });

  test('the workflow runs by hand alone, and its shells hold no expression', () => {
    expect(workflows[0]).toMatch(/^on:\n {2}workflow_dispatch:/m);
    for (const text of workflows) {
      for (const [script] of text.matchAll(/^ +run: (\|\n(?: {10,}.*\n)+|.*)/gm)) expect(script).not.toContain('${{');
    }
  });
});
