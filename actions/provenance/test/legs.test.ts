import { afterEach, describe, expect, test } from '@jest/globals';
import { type Changes, MANIFEST, type Outcome, scenario } from './scenario.js';
import { buildTypeSchema, statementOf } from './stated.js';

const open: Outcome[] = [];
afterEach(async () => {
  for (const outcome of open.splice(0)) await outcome.dispose();
});

type Legs = NonNullable<Changes['legs']>;

const INPUTS = {
  platforms: 'linux/amd64\nlinux/arm64',
  'build-jobs': 'build (linux/amd64)\nbuild (linux/arm64)',
} as const;
const [PACKAGE] = MANIFEST.packages;
const OTHER = { ...PACKAGE, digests: { sha256: '9'.repeat(64) } };

/** What differs between the machines of an honest build. */
const LEGS: Legs = {
  'linux-amd64': { record: { startedOn: '2026-01-01T00:00:05Z' } },
  'linux-arm64': {
    manifest: { packages: [OTHER] },
    isolation: { hermetic: false, checks: [] },
    record: { finishedOn: '2026-01-01T00:09:00Z', log: { path: 'build.log', sha256: `sha256:${'8'.repeat(64)}` } },
  },
};

async function start(legs: Legs, inputs: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  const outcome = await scenario({ legs, inputs: { ...INPUTS, ...inputs } });
  open.push(outcome);
  return outcome;
}

describe('a build on a machine for each platform', () => {
  test('names every machine, its record by digest, and what each fetched', async () => {
    const { predicate } = await statementOf(await start(LEGS));
    const { buildDefinition, runDetails } = JSON.parse(JSON.stringify(predicate));
    const { internalParameters, resolvedDependencies } = buildDefinition;
    expect(internalParameters.jobs.map(({ name }: { readonly name: string }) => name)).toEqual([
      'release / build (linux/amd64)',
      'release / build (linux/arm64)',
    ]);
    expect(internalParameters.legs).toMatchObject([
      { platform: 'linux/amd64', isolation: { hermetic: true }, build: { startedOn: '2026-01-01T00:00:05Z' } },
      { platform: 'linux/arm64', isolation: { hermetic: false }, build: { finishedOn: '2026-01-01T00:09:00Z' } },
    ]);
    const names = ['fetch-manifest', 'isolation-report', 'build-record', 'build-log'];
    const own = runDetails.byproducts.filter(({ name }: { readonly name: string }) => name.startsWith('linux-'));
    expect(own.map(({ name }: { readonly name: string }) => name)).toEqual([
      ...names.map((name) => `linux-amd64/${name}`),
      ...names.map((name) => `linux-arm64/${name}`),
    ]);
    expect(own.at(-1).digest).toEqual({ sha256: '8'.repeat(64) });
    const packages = resolvedDependencies.filter(({ uri = '' }) => uri.startsWith('pkg:npm/'));
    expect(packages.map(({ digest }: { readonly digest: { readonly sha256: string } }) => digest.sha256)).toEqual([
      'c'.repeat(64),
      '9'.repeat(64),
    ]);
    expect(resolvedDependencies.filter(({ name = '' }) => name === 'package-lock.json')).toHaveLength(1);
  });

  test('shows whoever knows nothing of legs the least isolated one, and all of the time', async () => {
    const { predicate } = await statementOf(await start(LEGS));
    const { isolation, build, vouchers } = JSON.parse(JSON.stringify(predicate)).buildDefinition.internalParameters;
    expect(isolation).toMatchObject({ hermetic: false, method: 'user-namespace' });
    expect(build).toEqual({
      ...{ voucher: 'build', command: 'npm pack', exitStatus: 0 },
      ...{ startedOn: '2026-01-01T00:00:00Z', finishedOn: '2026-01-01T00:09:00Z' },
    });
    expect(vouchers['/buildDefinition/internalParameters/legs']).toBe('build');
  });

  test('fits the schema of the build type', async () => {
    const validate = await buildTypeSchema();
    const { predicate } = await statementOf(await start(LEGS));
    expect([validate(JSON.parse(JSON.stringify(predicate))), validate.errors]).toEqual([true, null]);
  });
});

describe('refuses', () => {
  const HONEST: Legs = { 'linux-amd64': {}, 'linux-arm64': {} };

  test.each<readonly [string, string, Legs, Readonly<Record<string, string>>]>([
    ['a leg without a record', 'RECORD_MISSING', { 'linux-amd64': {} }, {}],
    ['the record of what is no leg', 'RECORD_MISSING', { ...HONEST, 'linux-riscv64': {} }, {}],
    ['legs that nobody named', 'RECORD_MISSING', HONEST, { platforms: '' }],
    ['one platform twice', 'HANDOFF_LEGS_INVALID', HONEST, { platforms: 'linux/amd64\nlinux/amd64' }],
    [
      'a leg on a self-hosted runner',
      'RUNNER_NOT_HOSTED',
      { ...HONEST, 'linux-arm64': { buildJob: { runnerGroup: 'Default' } } },
      {},
    ],
    [
      'a leg that failed',
      'JOB_NOT_SUCCESSFUL',
      { ...HONEST, 'linux-arm64': { buildJob: { conclusion: 'failure' } } },
      {},
    ],
    [
      'a leg whose job is not there',
      'JOB_NOT_FOUND',
      { ...HONEST, 'linux-arm64': { buildJob: { name: 'release / other' } } },
      {},
    ],
    ['fewer jobs than legs', 'JOB_NOT_FOUND', HONEST, { 'build-jobs': 'build (linux/amd64)' }],
    [
      'a leg of another commit',
      'SOURCE_MISMATCH',
      { ...HONEST, 'linux-arm64': { manifest: { source: { ...MANIFEST.source, sha: 'a'.repeat(40) } } } },
      {},
    ],
    [
      'another lock file on one machine',
      'SOURCE_MISMATCH',
      { ...HONEST, 'linux-arm64': { manifest: { lockfiles: [{ ...MANIFEST.lockfiles[0], sha256: 'a'.repeat(64) }] } } },
      {},
    ],
    ['a build that failed', 'BUILD_FAILED', { ...HONEST, 'linux-arm64': { record: { exitStatus: 1 } } }, {}],
  ])('%s', async (_what, code, legs, inputs) => {
    expect((await start(legs, inputs)).error).toMatchObject({ code });
  });
});
