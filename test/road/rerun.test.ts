import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type CallerRepository, type Rerun, type RunResult, runWorkflow } from '@paved/local-runner';
import { type Sigstore, startSigstore } from '@paved/testkit';
import { chooseIsolation } from '../demo/isolation.js';
import { CALLER_WORKFLOW, createProject } from '../demo/project.js';
import { readPublished } from '../demo/published.js';
import { machineEnvironment } from '../demo/release.js';
import { verifyImage } from '../demo/verify.js';
import { openWorld, PLATFORM, type World } from '../demo/world.js';

/** The caller is of another organisation than the platform. */
const OWNER = { owner: 'acme', name: 'example', id: '7001', ownerId: '70' } as const;
const INPUTS = { command: 'npm run build', 'output-path': 'dist' };
const HOUR = 3_600_000;

let world: World;
let sigstore: Sigstore;

beforeAll(async () => {
  const { isolation } = await chooseIsolation();
  world = await openWorld({
    folder: mkdtempSync(join(tmpdir(), 'paved-rerun-')),
    isolation,
    sigstore: async (issuer) => {
      sigstore = await startSigstore({ issuer });
      return sigstore;
    },
    prepare: async () => ({ seal: { environment: 'production', 'inspection-age': '24h' } }),
  });
}, 120_000);

afterAll(async () => {
  await world.close();
  rmSync(world.folder, { recursive: true, force: true });
});

function project(name: string): CallerRepository {
  const inputs = { ...INPUTS, name, version: '1.0.0' };
  return createProject(join(world.folder, name), { ...OWNER, source: 'examples/node-package', inputs });
}

const asked: unknown[] = [];

function run(caller: CallerRepository, rerun?: Rerun): Promise<RunResult> {
  return runWorkflow({
    callerRepository: caller,
    workflowPath: CALLER_WORKFLOW,
    repositories: world.repositories,
    services: world.github,
    env: machineEnvironment(),
    approve: (request) => asked.push(request) > 0,
    ...(rerun === undefined ? {} : { rerun }),
  });
}

/** The first attempt, whose seal fails because the certificate authority does. */
async function failed(caller: CallerRepository): Promise<RunResult> {
  sigstore.faults.fulcio = { status: 400 };
  const result = await run(caller);
  delete sigstore.faults.fulcio;
  expect(results(result)).toEqual(['build success 1', 'inspect success 1', 'seal failure 1']);
  return result;
}

function results(result: RunResult): readonly string[] {
  return result.jobs.map(({ id, result: end, attempt }) => `${id} ${end} ${attempt}`);
}

/** What went wrong in the seal, by the step that said it. */
function refusal(result: RunResult): string {
  const step = result.jobs.find(({ id }) => id === 'seal')?.steps.find(({ outcome }) => outcome === 'failure');
  return `${step?.name}: ${step?.log}`;
}

/** What inspect left, as if it had been made otherwise. */
function withOrigin(previous: RunResult, change: (origin: string) => string): RunResult {
  const jobs = previous.jobs.map((job) => {
    const made = job.outputs['inspection-made'];
    return made === undefined ? job : { ...job, outputs: { ...job.outputs, 'inspection-made': change(made) } };
  });
  return { ...previous, jobs };
}

describe('a release whose seal failed, after "Re-run failed jobs"', () => {
  let second: RunResult;

  beforeAll(async () => {
    const caller = project('again');
    second = await run(caller, { previous: await failed(caller) });
  }, 120_000);

  function provenance(): string {
    const digest = second.outputs.release?.digest ?? '';
    const { bundles } = readPublished(world, 'acme/example/again', digest, mkdtempSync(join(world.folder, 'read-')));
    const bundle = bundles.find(({ predicateType }) => predicateType === 'https://slsa.dev/provenance/v1');
    const { dsseEnvelope } = JSON.parse(readFileSync(bundle?.path ?? '', 'utf8'));
    return Buffer.from(dsseEnvelope.payload, 'base64').toString('utf8');
  }

  test('is sealed with the build and the inspection of the first attempt', () => {
    expect(refusal(second)).toBe('undefined: undefined');
    expect(results(second)).toEqual(['build success 1', 'inspect success 1', 'seal success 2']);
  });

  test('names the attempt that sealed it, and is accepted by verify with an environment as without', async () => {
    const digest = second.outputs.release?.digest ?? '';
    const published = readPublished(world, 'acme/example/again', digest, join(world.folder, 'published'));
    expect(published.tags).toEqual(['1.0.0']);
    expect(provenance()).toContain(`/actions/runs/${second.runId}/attempts/2"`);
    expect(provenance()).toContain('"environment":"production"');
    const reference = `${world.registryHost}/acme/example/again@${digest}`;
    const identity = { repositoryId: OWNER.id, ownerId: OWNER.ownerId };
    expect(await verifyImage(world, reference, identity, '1.0.0')).toMatchObject({ ok: true });
    expect(await verifyImage(world, reference, { ...identity, ownerId: '71' }, '1.0.0')).toMatchObject({ ok: false });
  }, 60_000);

  test('names the platform as builder and the caller of another organisation as source', () => {
    expect(PLATFORM.split('/')[0]).not.toBe(OWNER.owner);
    const { predicate } = JSON.parse(provenance());
    const builder = `https://github.com/${PLATFORM}/.github/workflows/release-artifact.yml@refs/tags/v1`;
    expect(predicate.runDetails.builder.id).toBe(builder);
    expect(predicate.buildDefinition.externalParameters.source.repository).toBe('https://github.com/acme/example');
  });

  test('asked for approval in each attempt, of the seal alone', () => {
    expect(asked).toEqual(Array(2).fill({ environment: 'production', job: 'release / seal' }));
    const seal = second.jobs.find(({ id }) => id === 'seal');
    expect(seal).toMatchObject({
      environment: 'production',
      concurrency: { group: 'paved-seal acme/example/again:1.0.0', cancelInProgress: false },
    });
  });
});

describe('an old verdict is not reused', () => {
  let caller: CallerRepository;
  let first: RunResult;

  beforeAll(async () => {
    caller = project('late');
    first = await failed(caller);
  }, 120_000);

  test.each<readonly [string, string, (origin: string) => string]>([
    [
      'made 25 hours before',
      'HANDOFF_STALE',
      (origin) => origin.replace(/[^/]+$/, new Date(Date.now() - 25 * HOUR).toISOString()),
    ],
    ['of another run', 'HANDOFF_OTHER_RUN', (origin) => `9${origin}`],
    ['of nobody knows when', 'HANDOFF_ORIGIN_INVALID', () => ''],
  ])(
    'an inspection %s is refused before anything is signed or pushed',
    async (_what, code, change) => {
      const [signed, pushed] = [sigstore.requests.length, world.registry.requests.length];
      const again = await run(caller, { previous: withOrigin(first, change) });
      expect(refusal(again)).toContain('Receive the inspection');
      expect(refusal(again)).toContain(code);
      expect([sigstore.requests.length, world.registry.requests.length]).toEqual([signed, pushed]);
    },
    120_000,
  );

  test('and a build of an earlier attempt does not pass with the digest of another', async () => {
    const jobs = first.jobs.map((job) =>
      job.id === 'build' ? { ...job, outputs: { ...job.outputs, 'artifact-sha256': 'a'.repeat(64) } } : job,
    );
    const again = await run(caller, { previous: { ...first, jobs } });
    expect(refusal(again)).toContain('HANDOFF_DIGEST_MISMATCH');
  }, 120_000);

  test('a new inspection of the same build is the cure', async () => {
    const again = await run(caller, { previous: first, jobs: ['inspect'] });
    expect(refusal(again)).toBe('undefined: undefined');
    expect(results(again).map((text) => text.replace(/\d+$/, (attempt) => (attempt === '1' ? '1' : 'new')))).toEqual([
      'build success 1',
      'inspect success new',
      'seal success new',
    ]);
  }, 120_000);
});
