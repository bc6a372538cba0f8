import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { GitHubClaimsOptions } from '@paved/testkit';
import { FILE_DIGEST, type FileBench, startFileBench } from './file-bench.js';
import { honest, type Json, startWorld, type World } from './world.js';

// Changed in place: the timestamp authority reads it each time. Certificates are valid for some minutes from now on.
const clock = new Date();
const start = clock.getTime();
const minute = (count: number) => new Date(start + count * 60_000);
let world: World;
let bench: FileBench;
let provenance: string;
let verdict: string;

beforeAll(async () => {
  world = await startWorld({ tsaClock: clock });
  bench = await startFileBench(world);
  const predicates = honest(FILE_DIGEST);
  // Not before the certificate, which has whole seconds too.
  clock.setTime(Date.now() + 2000);
  provenance = await world.sign('provenance', predicates.provenance, FILE_DIGEST);
  verdict = await world.sign('verdict', predicates.verdict, FILE_DIGEST);
});
afterAll(async () => {
  await bench.dispose();
  await world.close();
});

const signedAt = async (time: Date, sign: () => Promise<string>) => {
  clock.setTime(time.getTime());
  return await sign();
};
const spdx = (claims: GitHubClaimsOptions = {}) =>
  world.sign('sbom-spdx', honest(FILE_DIGEST)['sbom-spdx'], FILE_DIGEST, claims);

const DAY_MS = 86_400_000;
const SUMMARY: Json = {
  verifier: { id: 'https://example.com/verifier' },
  policy: { uri: 'https://example.com/policy' },
  verificationResult: 'PASSED',
  verifiedLevels: ['SLSA_BUILD_LEVEL_3'],
};

function fromNow(ms: number): string {
  return new Date(Date.now() + ms).toISOString();
}

describe('the age of a predicate', () => {
  // A minute before and after the limit: the signature was made a moment ago.
  test.each([
    ['provenance<=90m', 90 * 60_000],
    ['provenance<=36h', 36 * 3_600_000],
    ['provenance<=30d', 30 * DAY_MS],
    ['provenance<=2w', 14 * DAY_MS],
    ['provenance <= 30d', 30 * DAY_MS],
    ['provenance<=30d\nprovenance<=20d', 20 * DAY_MS],
    ['provenance<=20d\nprovenance', 20 * DAY_MS],
  ])('%j holds to the minute', async (require, limit) => {
    expect((await bench.verify([provenance], { require })).code).toBeUndefined();
    expect((await bench.verify([provenance], { require, at: fromNow(limit - 60_000) })).code).toBeUndefined();
    const { failed } = await bench.verify([provenance], { require, at: fromNow(limit + 60_000) });
    expect(failed).toEqual({ 'provenance-age': 'ATTESTATION_TOO_OLD' });
  });

  test.each(['provenance', 'sbom-cyclonedx', 'sbom-spdx', 'verdict', 'signature'] as const)(
    'of %s has a row of its own',
    async (slot) => {
      clock.setTime(Date.now() + 2000);
      const bundle = await world.sign(slot, honest(FILE_DIGEST)[slot], FILE_DIGEST);
      expect((await bench.verify([bundle], { require: `${slot}<=1d` })).code).toBeUndefined();
      const { failed } = await bench.verify([bundle], { require: `${slot}<=1d`, at: fromNow(2 * DAY_MS) });
      expect(failed).toEqual({ [`${slot}-age`]: 'ATTESTATION_TOO_OLD' });
    },
  );

  test('of nothing is not checked', async () => {
    const { failed } = await bench.verify([verdict], { require: 'provenance <= 30d' });
    expect(failed['provenance-age']).toBe('NOT_CHECKED');
  });

  test.each([
    'provenance<=',
    'provenance<=30',
    'provenance<=0d',
    'provenance<=00d',
    'provenance<=1d<=2d',
    'provenance<=-1d',
    'provenance<=1.5d',
    'provenance<=30 d',
    'provenance<=30D',
    'provenance<=30days',
    'provenance<=1000000d',
    'provenance<=P30D',
    'provenance<=\u0661d',
    'provenance<30d',
    'provenance=30d',
    'provenance=<30d',
    'provenance>=30d',
    'provenance==30d',
    'provenance:30d',
    '<=30d',
  ])('"%s" is refused', async (require) => {
    const code = require === '<=30d' ? 'PREDICATE_TYPE_UNKNOWN' : 'INPUT_INVALID';
    expect((await bench.verify([provenance], { require })).code).toBe(code);
    expect((await bench.verify([provenance], { 'child-require': require })).code).toBe(code);
  });
});

describe('the age of several signatures', () => {
  test('is that of the latest', async () => {
    const early = await signedAt(minute(1), () => spdx());
    const late = await signedAt(minute(6), () => spdx());
    const asked = { require: 'sbom-spdx<=2m', at: minute(7).toISOString() };
    expect((await bench.verify([early], asked)).failed).toEqual({ 'sbom-spdx-age': 'ATTESTATION_TOO_OLD' });
    expect((await bench.verify([early, late], asked)).failed).toEqual({});
  });

  test('does not let an old summary hide behind a young one of another name', async () => {
    const summary = (resourceUri: string) =>
      world.sign('vsa', { ...SUMMARY, resourceUri: `https://example.com/${resourceUri}` }, FILE_DIGEST);
    const bundles = [
      await signedAt(minute(1), () => summary('old')),
      await signedAt(minute(6), () => summary('young')),
    ];
    const verify = async (name: string, require: string) => {
      const asked = { require, at: minute(7).toISOString(), 'resource-uri': `https://example.com/${name}` };
      return (await bench.verify(bundles, asked)).failed;
    };
    expect(await verify('old', 'vsa')).toEqual({});
    expect(await verify('young', 'vsa<=2m')).toEqual({});
    expect(await verify('old', 'vsa<=2m')).toMatchObject({ 'vsa-resource': 'VSA_RESOURCE_MISMATCH' });
  });

  test('does not count a co-signer whose signature is too old', async () => {
    const workflow = 'other/rebuild/.github/workflows/rebuild.yml';
    const signer = {
      name: 'rebuilder',
      issuer: world.identity.issuer,
      workflowPath: `github.com/${workflow}`,
      signerDigests: ['e'.repeat(40)],
      repositoryId: '900200',
      ownerId: '800300',
      runnerEnvironment: 'github-hosted',
    };
    const claims = {
      jobWorkflowRef: `${workflow}@refs/heads/main`,
      jobWorkflowSha: 'e'.repeat(40),
      repositoryId: '900200',
      ownerId: '800300',
    };
    const bundles = [await signedAt(minute(1), () => spdx(claims)), await signedAt(minute(6), () => spdx())];
    const verify = async (require: string) => {
      const cosigned = { 'co-signers': JSON.stringify({ signers: [signer] }), threshold: '2' };
      return (await bench.verify(bundles, { ...cosigned, require, at: minute(7).toISOString() })).failed;
    };
    expect(await verify('sbom-spdx')).toEqual({});
    expect(await verify('sbom-spdx<=2m')).toEqual({ 'sbom-spdx-signers': 'SIGNERS_TOO_FEW' });
  });
});
