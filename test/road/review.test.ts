import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CallerRepository, RunResult } from '@paved/local-runner';
import { stringify } from 'yaml';
import { chooseIsolation } from '../demo/isolation.js';
import { createProject } from '../demo/project.js';
import { release } from '../demo/release.js';
import { openWorld, PLATFORM, type World } from '../demo/world.js';

const OWNER = { owner: 'acme', name: 'example', id: '7001', ownerId: '70' } as const;
const LOCK = { 'artifacts.lock.yaml': 'metadata: { version: "1.0" }\nartifacts: []\n' };
const INPUTS = { name: 'tool', version: '1.0.0', command: 'mkdir out; cp README.md out', 'output-path': 'out' };

let world: World;
beforeAll(async () => {
  const { isolation } = await chooseIsolation();
  world = await openWorld({ folder: mkdtempSync(join(tmpdir(), 'paved-review-')), isolation });
}, 60_000);
afterAll(async () => {
  await world.close();
  rmSync(world.folder, { recursive: true, force: true });
});

/** A pull request of a repository whose workflow calls review with nothing but leave to read. */
async function review(name: string, inputs: Readonly<Record<string, string>>): Promise<RunResult> {
  const workflow = stringify({
    name,
    on: { pull_request: {} },
    permissions: {},
    jobs: {
      review: {
        permissions: { actions: 'read', contents: 'read' },
        uses: `${PLATFORM}/.github/workflows/review.yml@v1`,
        with: { ...INPUTS, lockfile: 'artifacts.lock.yaml', ...inputs },
      },
    },
  });
  const options = { ...OWNER, source: 'examples/node-package', inputs: {}, files: LOCK, workflow };
  const project = createProject(join(world.folder, name), options);
  const request = { head: { sha: project.sha, ref: 'topic' }, base: { ref: 'main' } };
  const caller: CallerRepository = {
    ...project,
    ref: 'refs/pull/7/merge',
    refProtected: false,
    protectedBranches: ['main'],
    event: { name: 'pull_request', payload: { number: 7, pull_request: request } },
  };
  return await release(world, { caller });
}

const resultsOf = ({ jobs }: RunResult) => Object.fromEntries(jobs.map(({ id, result }) => [id, result]));
const stepsOf = (run: RunResult) =>
  run.jobs.flatMap(({ id, steps }) => (id === 'gate' ? steps.map(({ name, outcome }) => [name, outcome]) : []));
const logOf = (run: RunResult) => run.jobs.flatMap(({ steps }) => steps.map(({ log }) => log)).join('\n');
const PUSH = 'Push into a folder, with the tags of the release';

describe('review', () => {
  test('goes through all that a release does, without a token, and leaves nothing in the registry', async () => {
    const run = await review('good', {});
    expect([resultsOf(run), run.error]).toEqual([{ build: 'success', inspect: 'success', gate: 'success' }, undefined]);
    expect(stepsOf(run).at(-1)).toEqual([PUSH, 'success']);
    expect(run.outputs.review).toMatchObject({ verdict: 'pass' });
    expect(world.github.requests.filter(({ path }) => path === '/_oidc/token')).toEqual([]);
    expect(world.registry.requests).toEqual([]);
  }, 90_000);

  test('a tag that the release would refuse is refused now, and the verdict is handed over still', async () => {
    const run = await review('latest', { tags: 'latest' });
    expect(resultsOf(run)).toEqual({ build: 'success', inspect: 'success', gate: 'failure' });
    expect(stepsOf(run).filter(([, outcome]) => outcome === 'failure')).toEqual([[PUSH, 'failure']]);
    expect(logOf(run)).toContain('TAG_REFUSED');
    expect(run.outputs.review?.['verdict-sha256']).toMatch(/^[0-9a-f]{64}$/);
  }, 90_000);

  test('what the build plants as a statement is found before release day', async () => {
    const planted = `{"_type":"https://in-toto.io/Statement/v1","subject":[],"predicateType":"x"}`;
    const run = await review('planted', { command: `mkdir out; echo '${planted}' > out/x.json` });
    expect(resultsOf(run).gate).toBe('failure');
    expect(logOf(run)).toContain('PLANTED_STATEMENT');
  }, 90_000);
});
