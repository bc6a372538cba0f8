import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { buildStatement, encodeStatement } from '@paved/attestation';
import { sha256 } from '@paved/digest';
import type { GitHubClaimsOptions } from '@paved/testkit';
import {
  type IdentityPolicy,
  parseTrustedRoot,
  type TrustedRoot,
  type VerifyBundleOptions,
  verifyBundle,
} from '../src/index.js';
import { CLAIMS, type Loopback, startLoopbackSigstore, WORKFLOW } from './loopback.js';

const DIGEST = sha256('the artifact');
const STATEMENT = encodeStatement(
  buildStatement({
    predicateType: 'https://slsa.dev/provenance/v1',
    subjects: [{ name: 'widget.tar', digest: { sha256: DIGEST.slice('sha256:'.length) } }],
    predicate: {},
  }),
);

let loopback: Loopback;
/** One for all tests: what it remembers of earlier bundles must turn no refusal around. */
let trustedRoot: TrustedRoot;
let dsse: string;
beforeAll(async () => {
  loopback = await startLoopbackSigstore();
  trustedRoot = parseTrustedRoot(loopback.sigstore.trustedRoot);
  dsse = (await (await loopback.open()).signStatement(STATEMENT)).json;
});
afterAll(() => loopback.close());

function verify(bundle: string, options: Partial<VerifyBundleOptions> = {}) {
  return verifyBundle({ bundle, trustedRoot, artifactDigest: DIGEST, policy: loopback.policy, ...options });
}

function refusal(code: string) {
  return expect.objectContaining({ code });
}

describe('the identity', () => {
  test.each<[string, Partial<IdentityPolicy>]>([
    ['ISSUER_MISMATCH', { issuer: 'https://token.actions.githubusercontent.com' }],
    ['WORKFLOW_MISMATCH', { workflowPath: 'github.com/org/paved/.github/workflows/release-container.yml' }],
    ['WORKFLOW_MISMATCH', { workflowPath: 'github.com/evil/paved/.github/workflows/release-artifact.yml' }],
    ['WORKFLOW_MISMATCH', { workflowPath: 'github.example/org/paved/.github/workflows/release-artifact.yml' }],
    ['WORKFLOW_MISMATCH', { workflowPath: 'github.com/org/paved/.github/workflows/release-artifact.yaml' }],
    // A pattern would take the dot for any character.
    ['WORKFLOW_MISMATCH', { workflowPath: 'github.com/org/paved/.github/workflows/release.artifact.yml' }],
    [
      'WORKFLOW_MISMATCH',
      { workflowPath: `github.com/${WORKFLOW.toUpperCase()}`.replace('.GITHUB/WORKFLOWS', '.github/workflows') },
    ],
    ['SIGNER_DIGEST_MISMATCH', { signerDigests: ['d'.repeat(40)] }],
    ['REPOSITORY_MISMATCH', { repositoryId: '900101' }],
    ['OWNER_MISMATCH', { ownerId: '800201' }],
    ['REF_MISMATCH', { sourceRef: 'refs/heads/mai' }],
    ['REF_MISMATCH', { sourceRef: 'refs/tags/main' }],
    ['RUNNER_ENVIRONMENT_MISMATCH', { runnerEnvironment: 'self-hosted' }],
  ])('%s for %j', (code, change) => {
    expect(() => verify(dsse, { policy: { ...loopback.policy, ...change } })).toThrow(refusal(code));
  });

  test('any source ref, when the policy names none', () => {
    const { sourceRef: _any, ...policy } = loopback.policy;
    expect(verify(dsse, { policy }).identity.sourceRepositoryRef).toBe('refs/heads/main');
  });

  test.each<[string, Partial<IdentityPolicy>]>([
    ['no issuer', { issuer: '' }],
    ['a workflow with a ref', { workflowPath: `github.com/${WORKFLOW}@refs/heads/main` }],
    ['a workflow with a scheme', { workflowPath: `https://github.com/${WORKFLOW}` }],
    ['a repository instead of a workflow', { workflowPath: 'github.com/org/paved' }],
    ['no commit', { signerDigests: [] }],
    ['a short commit', { signerDigests: ['abcdef0'] }],
    ['a tag as commit', { signerDigests: ['v1'] }],
    ['a name as repository id', { repositoryId: 'acme/widget' }],
    ['no repository id', { repositoryId: '' }],
    ['no owner id', { ownerId: '' }],
    ['a short ref', { sourceRef: 'main' }],
  ])('a policy with %s is refused', (_name, change) => {
    expect(() => verify(dsse, { policy: { ...loopback.policy, ...change } })).toThrow(refusal('POLICY_INVALID'));
  });

  test.each<[string, GitHubClaimsOptions]>([
    ['a file whose name continues', { jobWorkflowRef: `${WORKFLOW}@evil.yml@refs/heads/main` }],
    ['a file whose name begins alike', { jobWorkflowRef: `${WORKFLOW}.yml@refs/heads/main` }],
    ['a path below another repository', { jobWorkflowRef: `evil/${WORKFLOW}@refs/heads/main` }],
    ['no ref', { jobWorkflowRef: `${WORKFLOW}@` }],
  ])('a signer in %s: WORKFLOW_MISMATCH', async (_name, claims) => {
    const { json } = await (await loopback.open({}, { ...CLAIMS, ...claims })).signStatement(STATEMENT);
    expect(() => verify(json)).toThrow(refusal('WORKFLOW_MISMATCH'));
  });

  test('a reusable workflow that is trusted, called by a stranger', async () => {
    const claims = { ...CLAIMS, repository: 'acme/widget', repositoryId: '31337', ownerId: '31337' };
    const { json } = await (await loopback.open({}, claims)).signStatement(STATEMENT);
    expect(() => verify(json)).toThrow(refusal('REPOSITORY_MISMATCH'));
  });
});
