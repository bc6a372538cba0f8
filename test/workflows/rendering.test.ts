import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parseConfig, type RenderedWorkflow, readConfig, renderWorkflows } from '@paved/toolchain';
import { parse, stringify } from 'yaml';

const COMMIT = 'd'.repeat(40);

/** The repository's configuration with other values; the trusted root stays what it is. */
async function render(change: Readonly<Record<string, unknown>>): Promise<readonly RenderedWorkflow[]> {
  const text = stringify({ ...parse(readFileSync('paved.config.yml', 'utf8')), ...change });
  const { sigstore } = await readConfig('paved.config.yml');
  return await renderWorkflows('workflows', { ...parseConfig(text), sigstore });
}

const usesOf = (text: string) => [...text.matchAll(/^ +(?:- )?uses: (\S+)/gm)].map(([, uses = '']) => uses);

describe('rendering for a server that does not know $/', () => {
  test('names every own action and workflow at the commit, and nothing by $/', async () => {
    const rendered = await render({ 'self-reference': COMMIT, repository: 'team/road' });
    for (const { name, text } of rendered) {
      for (const uses of usesOf(text)) {
        expect([name, uses]).toEqual([name, expect.stringMatching(/^[\w.-]+\/[\w./-]+@[0-9a-f]{40}$/)]);
        if (!uses.startsWith('actions/')) expect(uses).toMatch(new RegExp(`^team/road/.+@${COMMIT}$`));
      }
    }
    expect(rendered.some(({ text }) => text.includes(`team/road/actions/sign@${COMMIT}`))).toBe(true);
  });

  test('differs from the other rendering in nothing but these names', async () => {
    const own = await render({});
    const byCommit = await render({ 'self-reference': COMMIT });
    for (const [index, { text }] of own.entries()) {
      const normal = byCommit[index]?.text.replaceAll(/org\/paved\/((?:actions|\.github)\/[\w./-]+)@d{40}/g, '$/$1');
      expect(normal).toBe(text);
    }
  });

  test('takes issuer, runner and registry of the server as literals', async () => {
    const rendered = await render({
      'server-url': 'https://ghe.example',
      'oidc-issuer': 'https://ghe.example/_services/token',
      runner: 'own-ubuntu',
    });
    const release = rendered.find(({ name }) => name === 'release-artifact.yml')?.text ?? '';
    expect(release).toContain('https://ghe.example/_services/token');
    expect(release).not.toContain('token.actions.githubusercontent.com');
    expect([...release.matchAll(/runs-on: (.+)/g)].map(([, runner]) => runner)).toEqual(Array(3).fill("'own-ubuntu'"));
  });
});

describe('every rendered workflow', () => {
  test('has no permissions for all jobs, a time limit for each job, and no cache', async () => {
    for (const { name, text } of await render({})) {
      const workflow = parse(text) as { permissions: unknown; jobs: Record<string, Record<string, unknown>> };
      expect([name, workflow.permissions]).toEqual([name, {}]);
      for (const job of Object.values(workflow.jobs)) {
        expect([name, job.permissions]).toEqual([name, expect.anything()]);
        if (job.uses === undefined) expect([name, job['timeout-minutes']]).toEqual([name, expect.any(Number)]);
      }
      expect(text).not.toMatch(/actions\/cache|secrets: inherit/);
    }
  });
});
