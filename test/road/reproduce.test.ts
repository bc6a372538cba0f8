import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { RunResult } from '@paved/local-runner';
import { stringify } from 'yaml';
import { chooseIsolation } from '../demo/isolation.js';
import { createProject } from '../demo/project.js';
import { release } from '../demo/release.js';
import { openWorld, PLATFORM, type World } from '../demo/world.js';

const OWNER = { owner: 'acme', name: 'example', id: '7001', ownerId: '70' } as const;
/** No package is needed, so that nothing but loopback is asked. */
const LOCK = { 'artifacts.lock.yaml': 'metadata: { version: "1.0" }\nartifacts: []\n' };

let world: World;
beforeAll(async () => {
  const { isolation } = await chooseIsolation();
  world = await openWorld({ folder: mkdtempSync(join(tmpdir(), 'paved-reproduce-')), isolation });
}, 60_000);
afterAll(async () => {
  await world.close();
  rmSync(world.folder, { recursive: true, force: true });
});

/** Runs a caller's workflow that calls reproduce, and grants it what it needs. */
async function reproduce(name: string, command: string): Promise<RunResult> {
  const call = {
    permissions: { contents: 'read' },
    uses: `${PLATFORM}/.github/workflows/reproduce.yml@v1`,
    with: { command, 'output-path': 'out', lockfile: 'artifacts.lock.yaml' },
  };
  const workflow = stringify({
    name,
    on: { push: { branches: ['main'] } },
    permissions: {},
    jobs: { reproduce: call },
  });
  const options = { ...OWNER, source: 'examples/node-package', inputs: {}, files: LOCK, workflow };
  return await release(world, { caller: createProject(join(world.folder, name), options) });
}

const resultsOf = ({ jobs }: RunResult) => Object.fromEntries(jobs.map(({ id, result }) => [id, result]));
const logOf = (run: RunResult, id: string) =>
  run.jobs.flatMap((job) => (job.id === id ? job.steps.map(({ log }) => log) : [])).join('\n');

describe('reproduce', () => {
  test('agrees when two machines leave the same bytes', async () => {
    const run = await reproduce('same', 'mkdir out; date -u -d @$SOURCE_DATE_EPOCH > out/when; cp README.md out');
    expect(resultsOf(run)).toEqual({ first: 'success', second: 'success', compare: 'success' });
    expect(logOf(run, 'compare')).toContain('Both builds left the same bytes');
    expect(run.outputs.reproduce?.['reproduction-sha256']).toMatch(/^[0-9a-f]{64}$/);
  }, 60_000);

  test('refuses when they do not, and says which file and why; no job has a token', async () => {
    const run = await reproduce('other', 'mkdir out; cat /proc/sys/kernel/random/uuid > out/id; cp README.md out');
    expect(resultsOf(run)).toEqual({ first: 'success', second: 'success', compare: 'failure' });
    expect(logOf(run, 'compare')).toMatch(
      /BUILD_DIFFERS: .*1 files differ; id: first different byte at \d+: .*random identifier/,
    );
    expect(world.github.requests.filter(({ path }) => path === '/_oidc/token')).toEqual([]);
  }, 60_000);
});
