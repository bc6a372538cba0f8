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

const PROJECT = {
  ...{ owner: 'acme', name: 'example', id: '7001', ownerId: '70' },
  source: 'examples/node-package',
  inputs: { name: 'tool', version: '1.0.0', command: 'npm run build', 'output-path': 'dist/*.tgz' },
};
const CVE = 'CVE-2099-10001';

/** What is found a day later in a package of the release: everybody is attacked through it, and 7.7.4 has the fix. */
const RECORD = JSON.stringify({
  schema_version: '1.6.0',
  id: 'GHSA-2099-test-test',
  aliases: [CVE],
  modified: '2025-08-25T00:00:00Z',
  published: '2025-08-25T00:00:00Z',
  affected: [
    {
      package: { ecosystem: 'npm', name: 'semver' },
      ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }, { fixed: '7.7.4' }] }],
    },
  ],
});
const KEV = {
  ...{ cveID: CVE, vendorProject: 'npm', product: 'semver', vulnerabilityName: 'test' },
  ...{ dateAdded: '2025-08-25', shortDescription: 'test', requiredAction: 'Update', dueDate: '2025-09-01' },
  ...{ knownRansomwareCampaignUse: 'Unknown', notes: '', cwes: [] },
};

let world: World;
beforeAll(async () => {
  const { isolation } = await chooseIsolation();
  world = await openWorld({ folder: mkdtempSync(join(tmpdir(), 'paved-rescan-')), isolation });
  const run = await release(world, { caller: createProject(join(world.folder, 'caller'), PROJECT) });
  expect(run.outputs.release).toMatchObject({ verdict: 'pass' });
}, 120_000);
afterAll(async () => {
  await world.close();
  rmSync(world.folder, { recursive: true, force: true });
});

async function rescan(name: string): Promise<RunResult> {
  const workflow = stringify({
    name,
    on: { push: { branches: ['main'] } },
    permissions: {},
    jobs: {
      rescan: {
        permissions: { contents: 'read', issues: 'write', packages: 'read' },
        uses: `${PLATFORM}/.github/workflows/rescan.yml@v1`,
        with: {
          images: JSON.stringify([`${world.registryHost}/acme/example/tool`]),
          'signer-digests': world.platformCommit,
        },
      },
    },
  });
  return await release(world, { caller: createProject(join(world.folder, name), { ...PROJECT, workflow }) });
}

const resultsOf = ({ jobs }: RunResult) => jobs.map(({ id, result }) => [id, result]);
const issues = () => world.github.results.issues.map(({ title, state }) => [title.includes(CVE), state]);

describe('rescan', () => {
  test('finds what is published, asks again, and says nothing when nothing is new', async () => {
    const run = await rescan('quiet');
    expect(resultsOf(run)).toEqual([
      ['plan', 'success'],
      ['check', 'success'],
      ['notify', 'success'],
    ]);
    expect(issues()).toEqual([]);
    expect(run.outputs.rescan?.['receipt-sha256']).toMatch(/^[0-9a-f]{64}$/);
    const tokens = world.github.requests.filter(({ path }) => path === '/_oidc/token');
    expect(new Set(tokens.map(({ job }) => job))).toEqual(new Set(['release / seal']));
  }, 60_000);

  test('a package that is attacked since then: the leg is red, the owner gets one issue, and a next version is named', async () => {
    await world.feed.publish('npm', { 'GHSA-2099-test-test.json': RECORD }, [KEV]);
    const run = await rescan('attacked');
    expect(resultsOf(run).slice(0, 2)).toEqual([
      ['plan', 'success'],
      ['check', 'failure'],
    ]);
    expect(issues()).toEqual([[true, 'open']]);
    expect(run.outputs.rescan?.['next-version']).toBe('1.0.1');
    await rescan('again');
    expect(issues()).toEqual([[true, 'open']]);
  }, 120_000);

  test('the issue is closed when no release has it any more', async () => {
    await world.feed.publish('npm', {}, []);
    expect(resultsOf(await rescan('gone')).map(([, result]) => result)).toEqual(['success', 'success', 'success']);
    expect(issues()).toEqual([[true, 'closed']]);
  }, 60_000);
});
