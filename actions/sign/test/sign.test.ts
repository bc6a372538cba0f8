import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  buildStatement,
  encodeStatement,
  MAX_STATEMENT_BYTES,
  PREDICATE_TYPES,
  parseBundleIndex,
} from '@paved/attestation';
import { sha256 } from '@paved/digest';
import { canonicalJson } from '@paved/json';
import { parseTrustedRoot, verifyBundle } from '@paved/sigstore';
import { pendingAround } from '../src/statements.js';
import {
  ARTIFACT_DIGEST,
  ARTIFACT_FILE,
  ARTIFACT_TEXT,
  CYCLONEDX,
  IMAGE,
  SPDX,
  SUBJECTS,
  statementOf,
} from './documents.js';
import { type Instance, sign, startInstance, WORKFLOW, WORKFLOW_SHA } from './scenario.js';

let instance: Instance;
beforeAll(async () => {
  instance = await startInstance();
});
afterAll(async () => {
  await instance.close();
});

const ROAD_FILES = {
  ...ARTIFACT_FILE,
  'temp/paved/provenance/x1/provenance.intoto.json': statementOf('provenance'),
  'temp/paved/scan-gate/x2/verdict.intoto.json': statementOf('verdict'),
  'temp/paved/handoff/sboms/sbom-app-cyclonedx.json': CYCLONEDX,
  'temp/paved/handoff/sboms/sbom-app-spdx.json': SPDX,
};
const ROAD_INPUTS = {
  ...SUBJECTS,
  ...IMAGE,
  statements: 'TEMP/paved/provenance/x1/provenance.intoto.json\nTEMP/paved/scan-gate/x2/verdict.intoto.json',
  sboms: 'TEMP/paved/handoff/sboms',
};

function policy() {
  return {
    issuer: instance.issuer.url,
    workflowPath: `github.com/${WORKFLOW}`,
    signerDigests: [WORKFLOW_SHA],
    repositoryId: '1001',
    ownerId: '2002',
    sourceRef: 'refs/heads/main',
    runnerEnvironment: 'github-hosted' as const,
  };
}

describe('sign', () => {
  test('signs the statements of the road in one session, each bundle verifies, the index names them', async () => {
    const before = instance.sigstore.requests.length;
    const outcome = await sign(instance, { files: ROAD_FILES, inputs: ROAD_INPUTS });
    expect(outcome.error).toBeUndefined();
    const folder = outcome.outputs?.['bundles-path']?.slice(outcome.kit.temp.length - 'temp'.length) ?? '';
    const index = parseBundleIndex(await outcome.read(`${folder}/index.json`));
    expect(index.bundles.map(({ slot }) => slot)).toEqual([
      'signature',
      'provenance',
      'verdict',
      'sbom-cyclonedx',
      'sbom-spdx',
    ]);
    for (const bundle of index.bundles) {
      const [subject] = bundle.subjects;
      const verified = verifyBundle({
        bundle: await outcome.read(`${folder}/${bundle.path}`),
        trustedRoot: parseTrustedRoot(instance.sigstore.trustedRoot),
        artifactDigest: subject?.digest ?? ARTIFACT_DIGEST,
        policy: policy(),
        predicateType: PREDICATE_TYPES[bundle.slot as keyof typeof PREDICATE_TYPES],
      });
      expect(verified.bundleSha256).toBe(bundle.sha256);
    }
    const services = instance.sigstore.requests.slice(before).map(({ service }) => service);
    expect(services.filter((service) => service === 'fulcio')).toHaveLength(1);
    expect(outcome.tokens).toHaveLength(1);
    expect(outcome.outputs?.['certificate-identity']).toBe(`https://github.com/${WORKFLOW}@refs/tags/v1`);
    expect(outcome.kit.summary()).toContain('sbom-cyclonedx');
    await outcome.kit.dispose();
  });

  test('the statement around an SBOM is about the computed digests, with the whole document as predicate', async () => {
    const outcome = await sign(instance, { files: ROAD_FILES, inputs: ROAD_INPUTS });
    const [name] = (await outcome.files()).filter((file) => file.endsWith('sbom-cyclonedx.sigstore.json'));
    const { statement } = verifyBundle({
      bundle: await outcome.read(name ?? ''),
      trustedRoot: parseTrustedRoot(instance.sigstore.trustedRoot),
      artifactDigest: ARTIFACT_DIGEST,
      policy: policy(),
    });
    expect(statement?.subject.map((subject) => subject.name)).toEqual(['app.tar', IMAGE['image-name']]);
    expect(statement?.predicate).toEqual(JSON.parse(CYCLONEDX));
    await outcome.kit.dispose();
  });

  test('a document that is read in pieces is signed whole', async () => {
    const components = Array.from({ length: 300 }, (_, index) => ({
      ...{ type: 'library', name: `c${index}`, version: '1' },
      description: `é${'x'.repeat(5000)}`,
    }));
    const document = { ...JSON.parse(CYCLONEDX), components };
    const outcome = await sign(instance, {
      files: { ...ARTIFACT_FILE, 'workspace/sbom.json': JSON.stringify(document) },
      inputs: { ...SUBJECTS, sboms: 'sbom.json' },
    });
    expect(outcome.error).toBeUndefined();
    const path = (await outcome.files()).find((name) => name.endsWith('sbom-cyclonedx.sigstore.json')) ?? '';
    const bundle = await outcome.read(path);
    const trustedRoot = parseTrustedRoot(instance.sigstore.trustedRoot);
    const verified = verifyBundle({ bundle, trustedRoot, artifactDigest: ARTIFACT_DIGEST, policy: policy() });
    expect(verified.statement?.predicate).toEqual(document);
    const index = parseBundleIndex(await outcome.read(`${path.slice(0, path.lastIndexOf('/'))}/index.json`));
    expect(index.bundles[0]?.sha256).toBe(sha256(bundle));
  });

  test('the bytes around a canonical predicate are those of the whole statement', () => {
    const subjects = [
      { name: 'b', digest: { sha256: ARTIFACT_DIGEST.slice(7), sha512: 'a'.repeat(128) } },
      { name: 'a "quoted" é', digest: { sha256: 'b'.repeat(64) } },
    ];
    const predicate = { z: 1, a: [true, null, 'é'], predicate: {} };
    const whole = buildStatement({ predicateType: 'https://example.com/p/v1', subjects, predicate });
    const text = Buffer.from(canonicalJson(predicate));
    const { bytes } = pendingAround('custom', whole, [text.subarray(0, 7), text.subarray(7)]);
    expect(bytes.toString('utf8')).toBe(encodeStatement(whole).toString('utf8'));
    expect(() => pendingAround('custom', whole, [Buffer.alloc(MAX_STATEMENT_BYTES)])).toThrow(
      expect.objectContaining({ code: 'STATEMENT_TOO_LARGE' }),
    );
  });

  test('files get their bundle and bare signature beside them', async () => {
    const files = { 'workspace/out/a.tar': ARTIFACT_TEXT, 'workspace/out/b.txt': 'b' };
    const outcome = await sign(instance, { files, inputs: { blobs: 'out/**' } });
    expect(outcome.error).toBeUndefined();
    expect((await outcome.files()).filter((name) => name.startsWith('workspace'))).toEqual([
      'workspace/out/a.tar',
      'workspace/out/a.tar.sig',
      'workspace/out/a.tar.sigstore.json',
      'workspace/out/b.txt',
      'workspace/out/b.txt.sig',
      'workspace/out/b.txt.sigstore.json',
    ]);
    const verified = verifyBundle({
      bundle: await outcome.read('workspace/out/a.tar.sigstore.json'),
      trustedRoot: parseTrustedRoot(instance.sigstore.trustedRoot),
      artifactDigest: ARTIFACT_DIGEST,
      artifactBytes: Buffer.from(ARTIFACT_TEXT),
      policy: policy(),
    });
    expect(verified.content).toBe('message');
    await outcome.kit.dispose();
  });

  test('standalone: a predicate of its own', async () => {
    const outcome = await sign(instance, {
      files: { ...ARTIFACT_FILE, 'workspace/review.json': '{"reviewed":true}' },
      inputs: {
        ...SUBJECTS,
        'predicate-path': 'review.json',
        'predicate-type': 'https://example.com/review/v1',
        'expected-workflow-path': '',
        'expected-workflow-sha': '',
      },
    });
    expect(outcome.error).toBeUndefined();
    expect((await outcome.files()).some((name) => name.endsWith('custom.sigstore.json'))).toBe(true);
    await outcome.kit.dispose();
  });

  test('a log that cannot be reached stands in the index where the policy allows it', async () => {
    instance.sigstore.faults.rekor = { status: 502 };
    try {
      const outcome = await sign(instance, {
        files: { 'workspace/a': 'a' },
        inputs: { blobs: 'a', transparency: 'preferred' },
      });
      expect(outcome.error).toBeUndefined();
      const [name] = (await outcome.files()).filter((file) => file.endsWith('index.json'));
      expect(JSON.parse(await outcome.read(name ?? ''))).toMatchObject({ transparency: 'timestamp-only' });
      expect(outcome.kit.lines.join('\n')).toContain('transparency log cannot be reached');
      await outcome.kit.dispose();
    } finally {
      delete instance.sigstore.faults.rekor;
    }
  });
});
