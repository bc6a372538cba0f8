import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parseStatement, parseVsa } from '@paved/attestation';
import { sha256 } from '@paved/digest';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { refusedBy, releaseBench, SLOTS, verificationOf } from './release-bench.js';
import { type Bench, failedChecks, honest, NAME } from './world.js';

const { release, start, world } = releaseBench();

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
    await bench.push([await world().sign('vsa', predicate, bench.digest)], '1.0.0');
    const image = bench.reference.replace('@', ':1.0.0@');
    expect((await bench.verify({ image, require: 'vsa\nprovenance' })).error).toBeUndefined();
    const other = await bench.verify({ tag: '2.0.0', require: 'vsa\nprovenance' });
    expect(await refusedBy(other)).toEqual({ 'vsa-resource': 'VSA_RESOURCE_MISMATCH', 'vsa-result': 'VSA_NOT_PASSED' });
    expect(await refusedBy(await bench.verify({ require: 'vsa' }))).toMatchObject({ 'vsa-resource': 'NOT_CHECKED' });
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
      await writeFile(join(folder, `${slot}.sigstore.json`), await world().sign(slot, predicates[slot], digest));
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
