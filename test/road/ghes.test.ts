import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type RunResult, type RunWorkflowOptions, runWorkflow } from '@paved/local-runner';
import { type Sigstore, startSigstore } from '@paved/testkit';
import { paved } from '../demo/cli.js';
import { chooseIsolation } from '../demo/isolation.js';
import { CALLER_WORKFLOW, createProject } from '../demo/project.js';
import { machineEnvironment } from '../demo/release.js';
import { openWorld, PLATFORM, type World } from '../demo/world.js';

/** A tenant of ghe.com: not github.com, and a server on which the artifact client works. */
const TENANT = 'corp.ghe.com';
const OWNER = { owner: 'acme', name: 'example', id: '7001', ownerId: '70' } as const;
const INPUTS = { version: '1.0.0', command: 'npm run build', 'output-path': 'dist' };

let world: World;
let sigstore: Sigstore;

beforeAll(async () => {
  const { isolation } = await chooseIsolation();
  world = await openWorld({
    folder: mkdtempSync(join(tmpdir(), 'paved-ghes-')),
    isolation,
    sigstore: async (issuer) => {
      sigstore = await startSigstore({ issuer, serverUrl: `https://${TENANT}` });
      return sigstore;
    },
    prepare: async () => ({ 'server-url': `https://${TENANT}` }),
  });
}, 120_000);

afterAll(async () => {
  await world.close();
  rmSync(world.folder, { recursive: true, force: true });
});

function run(name: string, options: Partial<RunWorkflowOptions> = {}): Promise<RunResult> {
  const inputs = { ...INPUTS, name };
  const source = 'examples/node-package';
  return runWorkflow({
    callerRepository: createProject(join(world.folder, name), { ...OWNER, source, inputs }),
    workflowPath: CALLER_WORKFLOW,
    repositories: world.repositories,
    services: world.github,
    env: machineEnvironment(),
    serverUrl: `https://${TENANT}`,
    ...options,
  });
}

function failures(result: RunResult): readonly string[] {
  const steps = result.jobs.flatMap((job) => job.steps.filter((step) => step.outcome === 'failure'));
  return steps.map((step) => `${step.name}: ${step.log.slice(-1500)}`);
}

async function verify(digest: string, host: string): Promise<string> {
  const { stdout } = await paved([
    'verify',
    ...['--image', `${world.registryHost}/acme/example/tool@${digest}`],
    ...['--trusted-root', world.trustedRootPath],
    ...['--issuer', world.issuer.url],
    ...['--workflow-path', `${host}/${PLATFORM}/.github/workflows/release-artifact.yml`],
    ...['--signer-digests', world.platformCommit],
    ...['--repository-id', OWNER.id, '--owner-id', OWNER.ownerId],
    ...['--source-ref', 'refs/heads/main', '--runner-environment', 'github-hosted'],
    ...['--require', 'provenance\nverdict\nvsa', '--tag', '1.0.0'],
    ...(world.isolation === 'none' ? ['--allow-isolation-none', 'true'] : []),
    '--json',
  ]);
  return stdout;
}

describe('a release on another server than github.com', () => {
  let released: RunResult;

  beforeAll(async () => {
    released = await run('tool');
  }, 120_000);

  test('goes through', () => {
    expect(failures(released)).toEqual([]);
    expect(released.outputs.release).toMatchObject({ verdict: 'pass' });
  });

  test('is verified under the name of that server, and under no other', async () => {
    const digest = released.outputs.release?.digest ?? '';
    expect(await verify(digest, TENANT)).toMatch(/"ok": ?true/);
    const elsewhere = await verify(digest, 'github.com');
    expect(elsewhere).toContain('WORKFLOW_MISMATCH');
  }, 60_000);
});

describe('a server that lacks what the road needs', () => {
  test('job.workflow_sha: provenance refuses, and nothing is signed or pushed', async () => {
    const [signed, pushed] = [sigstore.requests.length, world.registry.requests.length];
    const result = await run('old', { withoutWorkflowFacts: true });
    expect(failures(result)).toEqual([expect.stringMatching(/^State the provenance: .*expected-workflow-sha/s)]);
    expect([sigstore.requests.length, world.registry.requests.length]).toEqual([signed, pushed]);
  }, 120_000);

  test('artifacts by id: the first hand-over refuses, before user code runs', async () => {
    const result = await run('ghes', { serverUrl: 'https://ghe.corp.example' });
    expect(failures(result)).toEqual([
      expect.stringMatching(/^Hand over the fetch record before user code runs: .*HANDOFF_SERVER_UNSUPPORTED/s),
    ]);
    expect(result.jobs.map(({ id, result: end }) => [id, end])).toEqual([
      ['build', 'failure'],
      ['inspect', 'skipped'],
      ['seal', 'skipped'],
    ]);
  }, 120_000);
});

test('a workflow that was rendered for another server does not sign here', async () => {
  const signed = world.registry.requests.length;
  const result = await run('moved', { serverUrl: 'https://other.ghe.com' });
  expect(result.ok).toBe(false);
  expect(world.registry.requests.length).toBe(signed);
}, 120_000);
