import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { parseDigest } from '@paved/digest';
import { array, object, optional, parseJson, record, string } from '@paved/json';
import { parseBundle } from '../src/bundle.js';
import { type IdentityPolicy, parseSigningCertificate, parseTrustedRoot, verifyBundle } from '../src/index.js';

const repository = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
const COPIED = join(repository, 'test/fixtures/sigstore-bundles');
/** Real attestations with their decoded certificates, when the reference material stands beside the repository. */
const WHOLE = join(repository, '../shared/fixtures/attestations');

const DIGEST = parseDigest('sha256:06ce330900a7d6403bc8d88e5dfad6aeeb8ae40179f66bb89e69c8bf6f6b1a0b');
const POLICY: IdentityPolicy = {
  issuer: 'https://token.actions.githubusercontent.com',
  workflowPath: 'github.com/bazel-contrib/publish-to-bcr/.github/workflows/publish.yaml',
  signerDigests: ['65d4f0c00357d50ba19165993f673e56a7ddb500'],
  repositoryId: '631710741',
  ownerId: '60951090',
  sourceRef: 'refs/heads/publish-to-bcr',
  runnerEnvironment: 'github-hosted',
};

function verifyCopied(policy: Partial<IdentityPolicy>) {
  return verifyBundle({
    bundle: readFileSync(join(COPIED, 'github/MODULE.bazel.intoto.jsonl'), 'utf8').trim(),
    trustedRoot: parseTrustedRoot(readFileSync(join(COPIED, 'trusted_root.json'), 'utf8')),
    artifactDigest: DIGEST,
    policy: { ...POLICY, ...policy },
    predicateType: 'https://slsa.dev/provenance/v1',
  });
}

describe('a bundle that GitHub made in a reusable workflow', () => {
  test('verifies under its whole identity', () => {
    const verified = verifyCopied({});
    expect(verified.subjects).toEqual([{ name: 'MODULE.bazel', digest: { sha256: DIGEST.slice(7) } }]);
    expect(verified.identity).toMatchObject({
      sourceRepositoryUri: 'https://github.com/aspect-build/rules_lint',
      buildSignerUri: `https://${POLICY.workflowPath}@refs/tags/v0.0.1`,
    });
    expect(verified.transparency).toBe('logged');
  });

  test.each<[string, Partial<IdentityPolicy>]>([
    // The source repository's own workflow called the signer, and is not the signer.
    ['WORKFLOW_MISMATCH', { workflowPath: 'github.com/aspect-build/rules_lint/.github/workflows/release.yml' }],
    ['SIGNER_DIGEST_MISMATCH', { signerDigests: ['8f70009fde0c94ade6ce2a054b94718c819126ec'] }],
    ['REPOSITORY_MISMATCH', { repositoryId: '60951090' }],
    ['OWNER_MISMATCH', { ownerId: '631710741' }],
    ['REF_MISMATCH', { sourceRef: 'refs/heads/main' }],
  ])('%s', (code, policy) => {
    expect(() => verifyCopied(policy)).toThrow(expect.objectContaining({ code }));
  });
});

const expectations = object({
  certificates: record(
    array(object({ mediaType: optional(string), san: optional(array(string)), extensions: optional(record(string)) })),
  ),
});

/** Names in the expectations to ours; the deprecated forms are left out. */
const NAMES = {
  issuer: 'issuer',
  buildSignerURI: 'buildSignerUri',
  buildSignerDigest: 'buildSignerDigest',
  runnerEnvironment: 'runnerEnvironment',
  sourceRepositoryURI: 'sourceRepositoryUri',
  sourceRepositoryDigest: 'sourceRepositoryDigest',
  sourceRepositoryRef: 'sourceRepositoryRef',
  sourceRepositoryIdentifier: 'sourceRepositoryId',
  sourceRepositoryOwnerURI: 'sourceRepositoryOwnerUri',
  sourceRepositoryOwnerIdentifier: 'sourceRepositoryOwnerId',
  buildConfigURI: 'buildConfigUri',
  buildConfigDigest: 'buildConfigDigest',
  buildTrigger: 'buildTrigger',
  runInvocationURI: 'runInvocationUri',
  sourceRepositoryVisibility: 'sourceRepositoryVisibility',
} as const;

describe('certificates of real bundles', () => {
  if (!existsSync(WHOLE)) {
    test.skip('the set is not beside this repository', () => undefined);
    return;
  }
  const { certificates } = parseJson('expected.json', readFileSync(join(WHOLE, 'expected.json'), 'utf8'), expectations);
  // Lists of bundles and what is no bundle at all belong to other readers.
  const single = Object.entries(certificates).filter(
    ([, found]) => found.length === 1 && found[0]?.mediaType !== undefined,
  );
  test.each(single)('%s is read as it was decoded elsewhere', (path, [expected]) => {
    const { verificationMaterial } = parseBundle(readFileSync(join(WHOLE, path), 'utf8').trim());
    const { content } = verificationMaterial;
    const leaf =
      content.$case === 'certificate'
        ? content.certificate.rawBytes
        : content.$case === 'x509CertificateChain'
          ? content.x509CertificateChain.certificates[0]?.rawBytes
          : undefined;
    const certificate = parseSigningCertificate(Buffer.from(leaf ?? []));
    expect([certificate.san]).toEqual(expected?.san);
    for (const [theirs, ours] of Object.entries(NAMES)) {
      // Certificates from before 2023 name the issuer in its deprecated form alone.
      const legacy = ours === 'issuer' ? expected?.extensions?.issuerV1 : undefined;
      expect([ours, certificate.extensions[ours]]).toEqual([ours, expected?.extensions?.[theirs] ?? legacy]);
    }
  });

  test('there are enough of them', () => {
    expect(single.length).toBeGreaterThanOrEqual(5);
  });
});
