import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type PredicateSlot, parseStatement, parseVsa } from '@paved/attestation';
import { sha256 } from '@paved/digest';
import type { GitHubClaimsOptions, RegistryOptions } from '@paved/testkit';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { VerificationError } from '../src/error.js';
import type { Verification } from '../src/verification.js';
import {
  type Bench,
  failedChecks,
  honest,
  type Json,
  NAME,
  type Outcome,
  startBench,
  startWorld,
  type World,
} from './world.js';

const SLOTS = ['provenance', 'sbom-cyclonedx', 'sbom-spdx', 'verdict'] as const;
let world: World;
const open: Bench[] = [];

beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.close());
afterEach(async () => {
  for (const bench of open.splice(0)) await bench.dispose();
});

async function start(options: RegistryOptions = {}): Promise<Bench> {
  const bench = await startBench(world, options);
  open.push(bench);
  return bench;
}

type Predicates = ReturnType<typeof honest>;
interface Release {
  readonly change?: (predicates: Predicates) => void;
  readonly slots?: readonly (typeof SLOTS)[number][];
  readonly claims?: GitHubClaimsOptions;
  readonly tag?: string;
}

/** Signs and pushes what an honest release has, after `change`. */
async function release(bench: Bench, { change, slots = SLOTS, claims, tag }: Release = {}): Promise<void> {
  const predicates = honest(bench.digest);
  change?.(predicates);
  const bundles = await Promise.all(
    slots.map((slot) => world.sign(slot as PredicateSlot, predicates[slot], bench.digest, claims)),
  );
  await bench.push(bundles, tag);
}

async function verificationOf(outcome: Outcome): Promise<Verification> {
  return JSON.parse(await readFile(outcome.outputs['verification-path'] ?? '', 'utf8')) as Verification;
}

async function refusedBy(outcome: Outcome): Promise<Record<string, string>> {
  expect(outcome.error).toBeInstanceOf(VerificationError);
  const verification = await verificationOf(outcome);
  expect([verification.ok, outcome.outputs['vsa-path']]).toEqual([false, undefined]);
  expect((outcome.error as VerificationError).checks).toEqual(verification.checks);
  return failedChecks(verification);
}

function definitionOf(predicates: Predicates): Record<string, Json> {
  return predicates.provenance.buildDefinition as Record<string, Json>;
}

describe('an honest image', () => {
  test('passes every check, and the ledger says who vouches for what', async () => {
    const bench = await start();
    await release(bench);
    const outcome = await bench.verify();
    expect(outcome.error).toBeUndefined();
    const verification = await verificationOf(outcome);
    expect([verification.ok, failedChecks(verification)]).toEqual([true, {}]);
    expect(verification.checks.map(({ name }) => name)).toEqual([
      'artifact',
      'provenance-signed',
      'sbom-cyclonedx-signed',
      'sbom-spdx-signed',
      'verdict-signed',
      'builder-id',
      'build-type',
      'workflow-commit',
      'source-repository',
      'source-commit',
      'source-ref',
      'invocation',
      'external-parameters',
      'build-jobs',
      'isolation',
      'sbom-cyclonedx',
      'sbom-spdx',
      'verdict',
      'verdict-subject',
    ]);
    const vouchers = Object.fromEntries(verification.claims.map(({ field, voucher }) => [field, voucher]));
    expect(vouchers).toMatchObject({
      'certificate.buildSignerDigest': 'oidc',
      'provenance/buildDefinition/internalParameters/isolation': 'build',
      'provenance/buildDefinition/internalParameters/jobs': 'api',
      'provenance/buildDefinition/externalParameters/inputs': 'seal',
    });
    expect(bench.kit.summary()).toContain('builder-id');
    expect(bench.kit.lines.join('\n')).toContain('source-commit');
  });

  test('is described by a document that fits its schema', async () => {
    const bench = await start();
    await release(bench);
    const schema = JSON.parse(
      await readFile(new URL('../../../docs/schemas/verification.schema.json', import.meta.url), 'utf8'),
    );
    const ajv = new Ajv2020({ strict: true });
    addFormats.default(ajv);
    const validate = ajv.compile(schema);
    const verification = await verificationOf(await bench.verify());
    expect([validate(verification), validate.errors]).toEqual([true, null]);
    const check = { name: 'x', ok: false, detail: 'no code' };
    expect(validate({ ...verification, checks: [check] })).toBe(false);
  });

  test('passes with credentials, and by the fallback tag where there is no referrers API', async () => {
    const bench = await start({ auth: 'bearer', referrers: false });
    await release(bench);
    const { username, password } = bench.registry.credentials;
    const auth = Buffer.from(`${username}:${password}`).toString('base64');
    const config = join(bench.kit.temp, 'config.json');
    await writeFile(config, JSON.stringify({ auths: { [bench.registry.host]: { auth } } }));
    expect((await bench.verify({ 'registry-config': config })).error).toBeUndefined();
    expect((await bench.verify()).error).toMatchObject({ code: 'REGISTRY_UNAUTHORIZED' });
    // Those of the repository go before those of its host.
    const another = { auth: Buffer.from('another:secret').toString('base64') };
    const { host } = bench.registry;
    await writeFile(config, JSON.stringify({ auths: { [host]: another, [`${host}/${NAME}`]: { auth } } }));
    expect((await bench.verify({ 'registry-config': config })).error).toBeUndefined();
  });

  test('gets a summary that names it with its tag', async () => {
    const bench = await start();
    await release(bench);
    const { outputs } = await bench.verify({ vsa: 'true', tag: '1.0.0' });
    const statement = parseVsa(parseStatement(await readFile(outputs['vsa-path'] ?? '')));
    expect(statement.subject[0]?.digest.sha256).toBe(bench.digest.slice(7));
    expect(statement.predicate).toMatchObject({
      resourceUri: `oci://${bench.registry.host}/${NAME}:1.0.0`,
      verificationResult: 'PASSED',
      verifiedLevels: ['SLSA_BUILD_LEVEL_3', 'PAVED_HERMETIC_BUILD'],
    });
    expect(statement.predicate.inputAttestations).toHaveLength(4);
  });

  test('is verified by its summary under that tag, and under no other', async () => {
    const bench = await start();
    await release(bench);
    const { outputs } = await bench.verify({ vsa: 'true', tag: '1.0.0' });
    const { predicate } = parseStatement(await readFile(outputs['vsa-path'] ?? ''));
    await bench.push([await world.sign('vsa', predicate, bench.digest)], '1.0.0');
    const image = bench.reference.replace('@', ':1.0.0@');
    expect((await bench.verify({ image, require: 'vsa\nprovenance' })).error).toBeUndefined();
    const other = await bench.verify({ tag: '2.0.0', require: 'vsa\nprovenance' });
    expect(await refusedBy(other)).toEqual({ 'vsa-resource': 'VSA_RESOURCE_MISMATCH', 'vsa-result': 'VSA_NOT_PASSED' });
    expect(await refusedBy(await bench.verify({ require: 'vsa' }))).toMatchObject({ 'vsa-resource': 'NOT_CHECKED' });
  });
});

const CONTENT: readonly (readonly [string, (predicates: Predicates) => void, Record<string, string>])[] = [
  [
    'another builder',
    (p) => Object.assign(p.provenance.runDetails as Json, { builder: { id: 'https://github.com/x', version: {} } }),
    { 'builder-id': 'BUILDER_ID_MISMATCH', 'workflow-commit': 'WORKFLOW_COMMIT_MISMATCH' },
  ],
  [
    'another build type',
    (p) => Object.assign(definitionOf(p), { buildType: 'https://example.com/b' }),
    { 'build-type': 'BUILD_TYPE_UNKNOWN' },
  ],
  [
    'another source repository',
    (p) =>
      Object.assign(definitionOf(p).externalParameters ?? {}, {
        source: { repository: 'https://github.com/acme/other', ref: 'refs/heads/main' },
      }),
    { 'source-repository': 'SOURCE_REPOSITORY_MISMATCH' },
  ],
  [
    'another source commit',
    (p) =>
      Object.assign(definitionOf(p), {
        resolvedDependencies: [
          { uri: 'git+https://github.com/acme/widget@refs/heads/main', digest: { gitCommit: 'f'.repeat(40) } },
        ],
      }),
    { 'source-commit': 'SOURCE_COMMIT_MISMATCH' },
  ],
  [
    'no source',
    (p) => Object.assign(definitionOf(p), { resolvedDependencies: [] }),
    { 'source-commit': 'SOURCE_COMMIT_MISMATCH' },
  ],
  [
    'another run',
    (p) => Object.assign(p.provenance.runDetails as Json, { metadata: { invocationId: 'https://github.com/x' } }),
    { invocation: 'INVOCATION_MISMATCH' },
  ],
  [
    'missing inputs',
    (p) => delete definitionOf(p).externalParameters?.inputs,
    { 'external-parameters': 'EXTERNAL_PARAMETERS_MISSING' },
  ],
  [
    'a parameter that nobody knows',
    (p) => Object.assign(definitionOf(p).externalParameters ?? {}, { vars: {} }),
    { 'external-parameters': 'EXTERNAL_PARAMETERS_UNKNOWN' },
  ],
  [
    'the mark of a rehearsal',
    (p) => Object.assign(definitionOf(p).internalParameters ?? {}, { rehearsal: true }),
    { 'builder-id': 'REHEARSAL_REFUSED' },
  ],
  [
    'the mark of a rehearsal with another value',
    (p) => Object.assign(definitionOf(p).internalParameters ?? {}, { rehearsal: false }),
    { 'builder-id': 'REHEARSAL_REFUSED' },
  ],
  [
    'the builder of a rehearsal',
    (p) => Object.assign((p.provenance.runDetails as { builder: Json }).builder, { id: 'https://x.example#rehearsal' }),
    { 'builder-id': 'REHEARSAL_REFUSED' },
  ],
  [
    'no build job',
    (p) => Object.assign(definitionOf(p).internalParameters ?? {}, { jobs: [] }),
    { 'build-jobs': 'BUILD_JOBS_MISSING' },
  ],
  [
    'self-hosted runners',
    (p) => Object.assign(definitionOf(p).internalParameters ?? {}, { selfHostedAllowed: true }),
    { 'build-jobs': 'SELF_HOSTED_ALLOWED' },
  ],
  [
    'no isolation',
    (p) => Object.assign(definitionOf(p).internalParameters ?? {}, { isolation: { method: 'none', hermetic: false } }),
    { isolation: 'ISOLATION_NONE' },
  ],
  [
    'a build that reached the network',
    (p) => Object.assign(definitionOf(p).internalParameters ?? {}, { isolation: { method: 'sudo', hermetic: false } }),
    { isolation: 'NOT_HERMETIC' },
  ],
  [
    'nothing about isolation',
    (p) => delete definitionOf(p).internalParameters?.isolation,
    { isolation: 'ISOLATION_MISSING' },
  ],
  ['a verdict that is no', (p) => Object.assign(p.verdict, { verdict: 'fail' }), { verdict: 'VERDICT_NOT_PASS' }],
  [
    'a verdict about another digest',
    (p) => Object.assign(p.verdict, { subject: { name: 'widget', digest: sha256('other') } }),
    { 'verdict-subject': 'VERDICT_SUBJECT_MISMATCH' },
  ],
  ['an SBOM that is none', (p) => delete p['sbom-cyclonedx'].bomFormat, { 'sbom-cyclonedx': 'SBOM_MALFORMED' }],
  [
    'an SPDX document that is none',
    (p) => Object.assign(p['sbom-spdx'], { spdxVersion: '3' }),
    { 'sbom-spdx': 'SBOM_MALFORMED' },
  ],
];

describe('evidence with', () => {
  test.each(CONTENT)('%s is refused', async (_name, change, expected) => {
    const bench = await start();
    await release(bench, { change });
    expect(await refusedBy(await bench.verify({ vsa: 'true', tag: '1.0.0' }))).toEqual(expected);
  });

  test('a rehearsal passes only where that is allowed by name, and only under its own builder', async () => {
    const marked = (suffix: string) => (p: Parameters<(typeof CONTENT)[number][1]>[0]) => {
      const { builder } = p.provenance.runDetails as { builder: { id: string } };
      builder.id += suffix;
      return Object.assign(definitionOf(p).internalParameters ?? {}, { rehearsal: true });
    };
    const bench = await start();
    await release(bench, { change: marked('#rehearsal') });
    expect(await refusedBy(await bench.verify())).toEqual({ 'builder-id': 'REHEARSAL_REFUSED' });
    expect((await bench.verify({ 'allow-rehearsal': 'true' })).error).toBeUndefined();
    const other = await start();
    await release(other, { change: marked('') });
    const outcome = await other.verify({ 'allow-rehearsal': 'true' });
    expect(await refusedBy(outcome)).toEqual({ 'builder-id': 'BUILDER_ID_MISMATCH' });
  });

  test('no isolation passes where that is allowed, and the summary does not call it hermetic', async () => {
    const bench = await start();
    const isolation = { method: 'none', hermetic: false };
    await release(bench, { change: (p) => Object.assign(definitionOf(p).internalParameters ?? {}, { isolation }) });
    const { outputs } = await bench.verify({ 'allow-isolation-none': 'true', vsa: 'true', tag: '1.0.0' });
    const { predicate } = parseVsa(parseStatement(await readFile(outputs['vsa-path'] ?? '')));
    expect(predicate.verifiedLevels).toEqual(['SLSA_BUILD_LEVEL_3']);
  });

  test.each(SLOTS)('no %s is refused', async (slot) => {
    const bench = await start();
    await release(bench, { slots: SLOTS.filter((other) => other !== slot) });
    expect(await refusedBy(await bench.verify())).toMatchObject({ [`${slot}-signed`]: 'ATTESTATION_MISSING' });
  });

  test('a later verdict that is no is refused, although an earlier one was yes', async () => {
    const bench = await start();
    await release(bench);
    const later = { ...honest(bench.digest).verdict, verdict: 'fail' };
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await bench.push([await world.sign('verdict', later, bench.digest)]);
    expect(await refusedBy(await bench.verify())).toEqual({ verdict: 'VERDICT_NOT_PASS' });
  });
});

const SIGNERS: readonly (readonly [string, GitHubClaimsOptions, string])[] = [
  ['another repository id', { repositoryId: '1' }, 'REPOSITORY_MISMATCH'],
  ['another owner id', { ownerId: '1' }, 'OWNER_MISMATCH'],
  ['another commit of the workflow', { jobWorkflowSha: 'b'.repeat(40) }, 'SIGNER_DIGEST_MISMATCH'],
  ['another workflow', { jobWorkflowRef: 'org/paved/.github/workflows/other.yml@refs/tags/v1' }, 'WORKFLOW_MISMATCH'],
  ['another ref', { ref: 'refs/heads/topic' }, 'REF_MISMATCH'],
  ['a self-hosted runner', { runnerEnvironment: 'self-hosted' }, 'RUNNER_ENVIRONMENT_MISMATCH'],
];

describe('a signature of', () => {
  test.each(SIGNERS)('%s is as good as none', async (_name, claims, code) => {
    const bench = await start();
    await release(bench, { claims });
    expect(await refusedBy(await bench.verify())).toMatchObject(
      Object.fromEntries(SLOTS.map((slot) => [`${slot}-signed`, code])),
    );
  });

  test('another artifact is as good as none', async () => {
    const bench = await start();
    const other = sha256('another artifact');
    const predicates = honest(other);
    await bench.push(await Promise.all(SLOTS.map((slot) => world.sign(slot, predicates[slot], other))));
    expect(await refusedBy(await bench.verify())).toMatchObject({ 'provenance-signed': 'SUBJECT_MISMATCH' });
  });

  test('a stranger beside the right ones changes nothing', async () => {
    const bench = await start();
    await release(bench);
    await bench.push([await world.sign('provenance', {}, bench.digest, { repositoryId: '1' })]);
    expect((await bench.verify()).error).toBeUndefined();
  });

  test('one byte changed in the payload is refused', async () => {
    const bench = await start();
    const bundle = JSON.parse(await world.sign('provenance', honest(bench.digest).provenance, bench.digest));
    const payload = Buffer.from(bundle.dsseEnvelope.payload, 'base64').toString().replace('npm pack', 'npm pacK');
    bundle.dsseEnvelope.payload = Buffer.from(payload).toString('base64');
    await bench.push([JSON.stringify(bundle)]);
    expect(await refusedBy(await bench.verify({ require: 'provenance' }))).toMatchObject({
      'provenance-signed': expect.stringMatching(/SIGNATURE_INVALID|LOG_ENTRY_MISMATCH/),
    });
  });
});

describe('a registry that', () => {
  test('answers with other bytes is refused', async () => {
    const state = { lie: false };
    const bench = await start({
      onRequest: ({ method, path }) =>
        state.lie && method === 'GET' && path.includes('/manifests/sha256:')
          ? {
              kind: 'reply',
              reply: {
                status: 200,
                headers: { 'content-type': 'application/vnd.oci.image.index.v1+json' },
                body: '{"schemaVersion":2,"manifests":[]}',
              },
            }
          : undefined,
    });
    await release(bench);
    state.lie = true;
    expect(await refusedBy(await bench.verify())).toMatchObject({ artifact: 'ARTIFACT_DIGEST_MISMATCH' });
  });

  test('does not have the artifact is refused', async () => {
    const bench = await start();
    expect(await refusedBy(await bench.verify())).toMatchObject({ artifact: 'ARTIFACT_NOT_FOUND' });
  });

  test('has another image under the tag is refused', async () => {
    const bench = await start();
    await release(bench);
    const image = bench.reference.replace('@', ':1.0.0@');
    expect(await refusedBy(await bench.verify({ image }))).toEqual({ tag: 'TAG_MISMATCH' });
  });
});

describe('files', () => {
  async function fileRelease(bench: Bench): Promise<{ files: string; bundles: string }> {
    const folder = join(bench.kit.temp, 'bundles');
    await mkdir(folder);
    const file = join(bench.kit.workspace, 'widget.tgz');
    const digest = sha256(await readFile(file));
    const predicates = honest(digest);
    for (const slot of SLOTS) {
      await writeFile(join(folder, `${slot}.sigstore.json`), await world.sign(slot, predicates[slot], digest));
    }
    return { files: file, bundles: folder };
  }

  test('are verified against a folder of bundles, and refused after one byte', async () => {
    const bench = await start();
    const given = { ...(await fileRelease(bench)), image: '' };
    expect((await bench.verify(given)).error).toBeUndefined();
    await writeFile(given.files, 'the widgeT');
    expect(await refusedBy(await bench.verify(given))).toMatchObject({ 'provenance-signed': 'SUBJECT_MISMATCH' });
  });

  test('are each verified', async () => {
    const bench = await start();
    const { files, bundles } = await fileRelease(bench);
    const second = join(bench.kit.workspace, 'unsigned.txt');
    await writeFile(second, 'never signed');
    const outcome = await bench.verify({ files: `${files}\n${second}`, bundles, image: '' });
    const failed = await refusedBy(outcome);
    expect(failed['verdict-signed unsigned.txt']).toBe('SUBJECT_MISMATCH');
    expect(Object.keys(failed).filter((name) => name.endsWith('widget.tgz'))).toEqual([]);
  });
});

test.each([
  ['nothing to verify', { image: '' }],
  ['an image and files', { files: 'widget.tgz' }],
  ['an image without digest', { image: 'registry.example/acme/widget:1.0.0' }],
  ['a summary without a tag', { vsa: 'true' }],
])('refuses %s', async (_name, inputs) => {
  const bench = await start();
  expect((await bench.verify(inputs)).error).toMatchObject({ code: 'INPUT_INVALID' });
});

test.each([
  ['no commits of the workflow', { 'signer-digests': '' }, 'POLICY_INVALID'],
  ['a short commit', { 'signer-digests': 'abc' }, 'POLICY_INVALID'],
  ['an unknown slot', { require: 'provenence' }, 'PREDICATE_TYPE_UNKNOWN'],
  ['an empty trusted root', { 'trusted-root': '{}' }, 'TRUSTED_ROOT_MALFORMED'],
])('refuses a policy with %s', async (_name, inputs, code) => {
  const bench = await start();
  await expect(bench.verify(inputs).then(({ error }) => Promise.reject(error))).rejects.toMatchObject({ code });
});
