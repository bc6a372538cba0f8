import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { GITHUB_WORKFLOW_BUILD_TYPE, TRUST_MEDIA_TYPE } from '@paved/attestation';
import type { GitHubClaimsOptions } from '@paved/testkit';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { FILE_DIGEST, type FileBench, startFileBench } from './file-bench.js';
import { honest, type Json, SIGNER, startWorld, WORKFLOW, type World } from './world.js';

let world: World;
let bench: FileBench;
let provenance: string;
let verdict: string;

beforeAll(async () => {
  world = await startWorld();
  bench = await startFileBench(world);
  const predicates = honest(FILE_DIGEST);
  provenance = await world.sign('provenance', predicates.provenance, FILE_DIGEST);
  verdict = await world.sign('verdict', predicates.verdict, FILE_DIGEST);
});
afterAll(async () => {
  await bench.dispose();
  await world.close();
});

function trust(commits: readonly Json[], change: Json = {}): string {
  return JSON.stringify({
    mediaType: TRUST_MEDIA_TYPE,
    sequence: 1,
    updatedAt: '2026-01-02T00:00:00Z',
    identities: [{ issuer: world.identity.issuer, workflowPath: `github.com/${WORKFLOW}` }],
    commits,
    ...change,
  });
}

const RELEASED = { commit: SIGNER, status: 'released', since: '2026-01-01T00:00:00Z' };

describe('a trust document', () => {
  test('stands in for signer-digests, and its digest is part of the policy', async () => {
    const { code, verification } = await bench.verify([provenance], { trust: trust([RELEASED]), 'signer-digests': '' });
    expect(code).toBeUndefined();
    expect(verification?.policy).toMatchObject({ identity: { signerDigests: [SIGNER] }, trust: { sequence: 1 } });
  });

  test('that does not release the commit refuses it', async () => {
    const commits = [{ ...RELEASED, commit: 'd'.repeat(40) }];
    const { failed } = await bench.verify([provenance], { trust: trust(commits), 'signer-digests': '' });
    expect(failed['provenance-signed']).toBe('SIGNER_DIGEST_MISMATCH');
  });

  test.each<[string, () => Record<string, string>, string]>([
    ['of another workflow', () => ({ trust: trust([RELEASED], { identities: [] }) }), 'INPUT_INVALID'],
    ['that does not know a named commit', () => ({ trust: trust([]), 'signer-digests': SIGNER }), 'INPUT_INVALID'],
    ['that releases nothing', () => ({ trust: trust([]), 'signer-digests': '' }), 'POLICY_INVALID'],
    ['that is none', () => ({ trust: '{}' }), 'TRUST_MALFORMED'],
  ])('%s is refused', async (_name, inputs, code) => {
    expect((await bench.verify([provenance], inputs())).code).toBe(code);
  });
});

describe('a replay', () => {
  test('does not count what was signed later', async () => {
    const { failed } = await bench.verify([provenance], { at: '2020-01-01' });
    expect(failed['provenance-signed']).toBe('SIGNED_LATER');
  });

  test('gives the answer of a later day as well, and says for when', async () => {
    const { code, verification } = await bench.verify([provenance], { at: '2090-01-01' });
    expect([code, verification?.policy.at]).toEqual([undefined, '2090-01-01T23:59:59.000Z']);
  });

  test.each(['yesterday', '2026-13-01', '2026-01-01T10:00:00'])('at "%s" is refused', async (at) => {
    expect((await bench.verify([provenance], { at })).code).toBe('INPUT_INVALID');
  });

  test('makes no summary', async () => {
    const inputs = { at: '2090-01-01', vsa: 'true', 'resource-uri': 'file:widget' };
    expect((await bench.verify([provenance], inputs)).code).toBe('INPUT_INVALID');
  });
});

describe('expectations', () => {
  const EXPECTED = {
    'builder-id': `https://github.com/${WORKFLOW}@refs/tags/v1`,
    'slsa-level': '3',
    'source-repository': 'https://github.com/acme/widget',
    'required-parameters': '/inputs/command\n/source/ref',
    'expected-parameters': '{"inputs": {"command": "npm pack"}, "source": {"ref": "refs/heads/main"}}',
  };

  test('that are met pass, each as a check', async () => {
    const { code, verification } = await bench.verify([provenance], EXPECTED);
    expect(code).toBeUndefined();
    expect(verification?.checks.map(({ name }) => name).slice(-5)).toEqual([
      'expected-builder',
      'slsa-level',
      'expected-source',
      'required-parameters',
      'expected-parameters',
    ]);
  });

  test.each<[Record<string, string>, Record<string, string>]>([
    [{ 'builder-id': `https://github.com/${WORKFLOW}` }, { 'expected-builder': 'BUILDER_ID_MISMATCH' }],
    [{ 'source-repository': 'https://github.com/acme/widge' }, { 'expected-source': 'SOURCE_REPOSITORY_MISMATCH' }],
    [{ 'source-commit': 'f'.repeat(40) }, { 'expected-commit': 'SOURCE_COMMIT_MISMATCH' }],
    [{ 'required-parameters': '/inputs/output' }, { 'required-parameters': 'EXTERNAL_PARAMETERS_MISSING' }],
    [{ 'required-parameters': '/inputs/toString' }, { 'required-parameters': 'EXTERNAL_PARAMETERS_MISSING' }],
    [
      { 'expected-parameters': '{"inputs": {"command": "npm pack "}}' },
      { 'expected-parameters': 'EXTERNAL_PARAMETERS_MISMATCH' },
    ],
    [{ 'expected-parameters': '{"inputs": ["npm pack"]}' }, { 'expected-parameters': 'EXTERNAL_PARAMETERS_MISMATCH' }],
    [{ 'expected-parameters': '{"constructor": {}}' }, { 'expected-parameters': 'EXTERNAL_PARAMETERS_MISMATCH' }],
    [{ 'build-types': 'github-workflow' }, { 'build-type': 'BUILD_TYPE_UNKNOWN' }],
  ])('%j that are not met are refused', async (inputs, failed) => {
    expect((await bench.verify([provenance], inputs)).failed).toEqual(failed);
  });

  test('are not checked without provenance, and say so', async () => {
    const { failed } = await bench.verify([verdict], EXPECTED);
    expect(failed).toMatchObject({ 'slsa-level': 'NOT_CHECKED', 'expected-parameters': 'NOT_CHECKED' });
  });

  test.each<Record<string, string>>([
    { require: 'verdict', 'slsa-level': '3' },
    { 'build-types': 'make' },
    { 'required-parameters': 'inputs' },
    { 'expected-parameters': '{}' },
    { 'slsa-level': '4' },
  ])('%j that mean nothing are refused', async (inputs) => {
    expect((await bench.verify([provenance], inputs)).code).toBe('INPUT_INVALID');
  });
});

describe("provenance of GitHub's own build type", () => {
  const predicate = (change: (definition: Json) => void = () => undefined): Json => {
    const { buildDefinition, runDetails } = honest(FILE_DIGEST).provenance as Record<string, Json>;
    const definition: Json = {
      buildType: GITHUB_WORKFLOW_BUILD_TYPE,
      externalParameters: {
        workflow: {
          ref: 'refs/heads/main',
          repository: 'https://github.com/acme/widget',
          path: '.github/workflows/release.yml',
        },
      },
      internalParameters: {
        github: {
          event_name: 'push',
          repository_id: '900100',
          repository_owner_id: '800200',
          runner_environment: 'github-hosted',
        },
      },
      resolvedDependencies: buildDefinition?.resolvedDependencies,
    };
    change(definition);
    const { id } = (runDetails?.builder ?? {}) as Json;
    return { buildDefinition: definition, runDetails: { builder: { id }, metadata: runDetails?.metadata } };
  };
  const ACCEPTED = { 'build-types': 'github-workflow', 'allow-isolation-none': 'true' };
  const verify = async (change?: (definition: Json) => void, inputs: Record<string, string> = ACCEPTED) =>
    await bench.verify([await world.sign('provenance', predicate(change), FILE_DIGEST)], inputs);

  test('passes where it is asked for, every field compared with the certificate', async () => {
    expect((await verify()).failed).toEqual({});
  });

  test('is refused by default, and where isolation is wanted', async () => {
    expect((await verify(undefined, {})).failed).toMatchObject({
      'build-type': 'BUILD_TYPE_UNKNOWN',
      isolation: 'ISOLATION_MISSING',
    });
  });

  test('does not show build level 3', async () => {
    const { failed } = await verify(undefined, { ...ACCEPTED, 'slsa-level': '3' });
    expect(failed).toEqual({ 'slsa-level': 'SLSA_LEVEL_TOO_LOW' });
  });

  test.each<[string, (definition: Json) => void, Record<string, string>]>([
    [
      'another event',
      (d) => Object.assign((d.internalParameters as Record<string, Json>).github ?? {}, { event_name: 'schedule' }),
      { 'github-claims': 'CLAIMS_MISMATCH' },
    ],
    [
      'another workflow file',
      (d) => Object.assign((d.externalParameters as Record<string, Json>).workflow ?? {}, { path: 'x.yml' }),
      { 'external-parameters': 'EXTERNAL_PARAMETERS_MISMATCH' },
    ],
    [
      'one more parameter',
      (d) => Object.assign(d.externalParameters as Json, { inputs: {} }),
      { 'external-parameters': 'EXTERNAL_PARAMETERS_UNKNOWN' },
    ],
    ['no source', (d) => delete d.resolvedDependencies, { 'source-commit': 'SOURCE_COMMIT_MISMATCH' }],
  ])('is refused with %s', async (_name, change, failed) => {
    expect((await verify(change)).failed).toEqual(failed);
  });
});

describe('a threshold of signers', () => {
  const CO_SIGNER: GitHubClaimsOptions = {
    repository: 'other/rebuild',
    repositoryId: '900200',
    ownerId: '800300',
    jobWorkflowRef: 'other/rebuild/.github/workflows/rebuild.yml@refs/heads/main',
    jobWorkflowSha: 'e'.repeat(40),
  };
  const signer = (change: Json = {}) => ({
    name: 'rebuilder',
    issuer: world.identity.issuer,
    workflowPath: 'github.com/other/rebuild/.github/workflows/rebuild.yml',
    signerDigests: ['e'.repeat(40)],
    repositoryId: '900200',
    ownerId: '800300',
    runnerEnvironment: 'github-hosted',
    ...change,
  });
  const TWO = () => ({
    require: 'verdict',
    threshold: '2',
    'co-signers': JSON.stringify({ signers: [signer()] }),
  });

  test('is reached by two who sign, and not by one', async () => {
    const second = await world.sign('verdict', honest(FILE_DIGEST).verdict, FILE_DIGEST, CO_SIGNER);
    expect((await bench.verify([verdict, second], TWO())).failed).toEqual({});
    expect((await bench.verify([verdict], TWO())).failed).toEqual({ 'verdict-signers': 'SIGNERS_TOO_FEW' });
  });

  test('does not count who says no', async () => {
    const no = { ...honest(FILE_DIGEST).verdict, verdict: 'fail' };
    const second = await world.sign('verdict', no, FILE_DIGEST, CO_SIGNER);
    expect((await bench.verify([verdict, second], TWO())).failed).toEqual({ 'verdict-signers': 'SIGNERS_TOO_FEW' });
  });

  test('does not do without the named workflow', async () => {
    const second = await world.sign('verdict', honest(FILE_DIGEST).verdict, FILE_DIGEST, CO_SIGNER);
    const { failed } = await bench.verify([second], { ...TWO(), threshold: '1' });
    expect(failed['verdict-signed']).toBe('WORKFLOW_MISMATCH');
  });

  test.each<[string, () => Record<string, string>, string]>([
    ['more than there are signers', () => ({ threshold: '2' }), 'INPUT_INVALID'],
    [
      'one signer twice',
      () => ({ 'co-signers': JSON.stringify({ signers: [signer(), signer({ sourceRef: 'refs/heads/main' })] }) }),
      'INPUT_INVALID',
    ],
    [
      'the named workflow again',
      () => ({
        'co-signers': JSON.stringify({
          signers: [signer({ workflowPath: `github.com/${WORKFLOW}`, repositoryId: '900100' })],
        }),
      }),
      'INPUT_INVALID',
    ],
    [
      'a signer of any commit',
      () => ({ 'co-signers': JSON.stringify({ signers: [signer({ signerDigests: [] })] }) }),
      'POLICY_INVALID',
    ],
    ['a list that is none', () => ({ 'co-signers': '{}' }), 'INPUT_INVALID'],
  ])('of %s is refused', async (_name, inputs, code) => {
    expect((await bench.verify([verdict], inputs())).code).toBe(code);
  });
});

describe('on request', () => {
  test('the ledger is printed', async () => {
    await bench.verify([provenance], { explain: 'true' });
    expect(bench.kit.lines.join('\n')).toMatch(
      /certificate\.buildSignerDigest = c{40}\n {2}oidc; one of signer-digests/,
    );
  });

  test('the commands of gh and cosign are printed, and hold no more than one line each', async () => {
    await bench.verify([provenance], { 'print-commands': 'true' });
    const lines = bench.kit.lines.join('\n').split('\n');
    expect(lines.filter((line) => line.startsWith('cosign verify-blob-attestation --bundle '))).toHaveLength(1);
    const [gh] = lines.filter((line) => line.startsWith('gh attestation verify '));
    expect(gh).toContain(`--signer-digest ${SIGNER}`);
    expect(gh).toContain('--repo acme/widget');
  });
});

test('a verification under every part of a policy fits its schema', async () => {
  const ajv = new Ajv2020({ strict: true });
  addFormats.default(ajv);
  const schema = new URL('../../../docs/schemas/verification.schema.json', import.meta.url);
  const validate = ajv.compile(JSON.parse(readFileSync(schema, 'utf8')));
  const signer = {
    name: 'rebuilder',
    issuer: world.identity.issuer,
    workflowPath: 'github.com/other/rebuild/.github/workflows/rebuild.yml',
    signerDigests: ['e'.repeat(40)],
    repositoryId: '900200',
    ownerId: '800300',
    runnerEnvironment: 'github-hosted',
  };
  const { verification } = await bench.verify([provenance], {
    trust: trust([RELEASED, { ...RELEASED, commit: 'b'.repeat(40), status: 'revoked', reason: 'x' }]),
    require: 'provenance<=30d\nverdict',
    'child-require': 'provenance<=60d',
    'co-signers': JSON.stringify({ signers: [signer] }),
    threshold: '2',
    at: '2090-01-01',
    'builder-id': 'x',
    'build-types': 'release-artifact\ngithub-workflow',
    'slsa-level': '3',
    'source-repository': 'x',
    'source-commit': 'x',
    'required-parameters': '/inputs',
    'expected-parameters': '{"inputs": {}}',
  });
  expect([validate(verification), validate.errors]).toEqual([true, null]);
  expect(validate({ ...verification, policy: { ...verification?.policy, anySigner: true } })).toBe(false);
});

test('files are hashed as the statements want it', async () => {
  const file = join(bench.kit.workspace, 'other.bin');
  await writeFile(file, 'other');
  const digest = createHash('sha512').update('other').digest('hex');
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'other.bin', digest: { sha512: digest } }],
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: honest(FILE_DIGEST).provenance,
  };
  const bundle = await world.signPayload(Buffer.from(JSON.stringify(statement)));
  expect((await bench.verify([bundle], { files: file, 'digest-algorithm': 'sha512' })).failed).toEqual({});
  expect((await bench.verify([bundle], { files: file })).failed['provenance-signed']).toBe('SUBJECT_MISMATCH');
});
