import type { SigningCertificate } from './certificate.js';
import { SigstoreError, type VerificationErrorCode } from './error.js';

/**
 * Who may have signed. Every member but `sourceRef` is required, because a signer alone proves nothing: any repository can
 * call a public reusable workflow, and any old commit of it may be revoked.
 */
export interface IdentityPolicy {
  /** OIDC issuer, compared whole. */
  readonly issuer: string;
  /** `host/owner/repo/.github/workflows/file.yml`, without scheme and without `@ref`. */
  readonly workflowPath: string;
  /** Commits (`job_workflow_sha`) of that workflow that are released and not revoked; at least one. */
  readonly signerDigests: readonly string[];
  /** Numeric id of the source repository: names can be taken over, ids cannot. */
  readonly repositoryId: string;
  readonly ownerId: string;
  /** Full ref, compared whole; absent means any. */
  readonly sourceRef?: string;
  readonly runnerEnvironment: 'github-hosted' | 'self-hosted';
}

const WORKFLOW_PATH = /^[a-z0-9.-]+(:\d+)?\/[^/@\s]+\/[^/@\s]+\/\.github\/workflows\/[^/@\s]+\.ya?ml$/i;
const COMMIT = /^([0-9a-f]{40}|[0-9a-f]{64})$/;
const ID = /^[1-9][0-9]*$/;
/** What may stand behind `@` in a subject alternative name; anything else could be the tail of another file's name. */
const REF = /^(refs\/(heads|tags|pull)\/.+|[0-9a-f]{40}|[0-9a-f]{64})$/;

/** @throws {SigstoreError} `POLICY_INVALID` for a member that is empty or could never match */
export function assertIdentityPolicy(policy: IdentityPolicy): void {
  const faults: string[] = [];
  if (!/^https?:\/\/[^\s]+$/.test(policy.issuer)) faults.push('issuer is not a URL');
  if (!WORKFLOW_PATH.test(policy.workflowPath))
    faults.push('workflowPath is not host/owner/repo/.github/workflows/file.yml');
  if (policy.signerDigests.length === 0) faults.push('signerDigests is empty');
  if (!policy.signerDigests.every((digest) => COMMIT.test(digest)))
    faults.push('signerDigests holds something but a full commit');
  if (!ID.test(policy.repositoryId)) faults.push('repositoryId is not a number');
  if (!ID.test(policy.ownerId)) faults.push('ownerId is not a number');
  if (policy.sourceRef !== undefined && !policy.sourceRef.startsWith('refs/'))
    faults.push('sourceRef is not a full ref');
  if (faults.length === 0) return;
  throw new SigstoreError('POLICY_INVALID', `Cannot use the identity policy: ${faults.join('; ')}`);
}

/**
 * Compares a certificate with the policy, each value whole; no patterns.
 * @throws {SigstoreError} `ISSUER_MISMATCH`, `IDENTITY_MISMATCH`, `WORKFLOW_MISMATCH`, `SIGNER_DIGEST_MISMATCH`,
 *   `REPOSITORY_MISMATCH`, `OWNER_MISMATCH`, `REF_MISMATCH`, `RUNNER_ENVIRONMENT_MISMATCH`
 */
export function assertIdentity(certificate: SigningCertificate, policy: IdentityPolicy): void {
  assertIdentityPolicy(policy);
  const { extensions, san } = certificate;
  requireEqual('ISSUER_MISMATCH', 'OIDC issuer', extensions.issuer, [policy.issuer]);
  assertWorkflow(san, policy.workflowPath);
  // The reusable workflow must be the one that held the job, not only be named by the certificate's subject.
  requireEqual('IDENTITY_MISMATCH', 'build signer URI', extensions.buildSignerUri, [san]);
  requireEqual(
    'SIGNER_DIGEST_MISMATCH',
    'commit of the signing workflow',
    extensions.buildSignerDigest,
    policy.signerDigests,
  );
  requireEqual('REPOSITORY_MISMATCH', 'source repository id', extensions.sourceRepositoryId, [policy.repositoryId]);
  requireEqual('OWNER_MISMATCH', 'source repository owner id', extensions.sourceRepositoryOwnerId, [policy.ownerId]);
  requireEqual('RUNNER_ENVIRONMENT_MISMATCH', 'runner environment', extensions.runnerEnvironment, [
    policy.runnerEnvironment,
  ]);
  if (policy.sourceRef !== undefined) {
    requireEqual('REF_MISMATCH', 'source ref', extensions.sourceRepositoryRef, [policy.sourceRef]);
  }
}

function assertWorkflow(san: string, workflowPath: string): void {
  const prefix = `https://${workflowPath}@`;
  if (san.startsWith(prefix) && REF.test(san.slice(prefix.length))) return;
  throw mismatch('WORKFLOW_MISMATCH', 'signing workflow', san, [workflowPath]);
}

function requireEqual(
  code: VerificationErrorCode,
  what: string,
  actual: string | undefined,
  allowed: readonly string[],
): void {
  if (actual === undefined || !allowed.includes(actual)) throw mismatch(code, what, actual, allowed);
}

function mismatch(
  code: VerificationErrorCode,
  what: string,
  actual: string | undefined,
  allowed: readonly string[],
): SigstoreError {
  const shown = allowed.slice(0, 5).join(', ') + (allowed.length > 5 ? ` and ${allowed.length - 5} more` : '');
  const state = actual === undefined ? 'the certificate does not say it' : `it is "${printable(actual)}"`;
  return new SigstoreError(code, `Cannot accept the ${what}: ${state}, allowed is ${shown}`, {
    hint: 'Sign in the workflow that the policy names, or correct the policy',
  });
}

/** A certificate's text is chosen by who asked for it. */
function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 300);
}
