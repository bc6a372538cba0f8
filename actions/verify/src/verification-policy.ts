import { assertPredicateSlot, type PredicateSlot } from '@paved/attestation';
import { type Digest, sha256 } from '@paved/digest';
import { canonicalJson } from '@paved/json';
import type { InputsOf } from '@paved/runner-kit';
import { assertIdentityPolicy, type IdentityPolicy } from '@paved/sigstore';
import type { definition } from './definition.js';
import { VerifyError } from './error.js';

/** Everything that was asked for; its canonical JSON is what a verification summary names as its policy. */
export interface VerificationPolicy {
  readonly identity: IdentityPolicy;
  readonly require: readonly PredicateSlot[];
  readonly allowIsolationNone: boolean;
  readonly transparency: 'required' | 'preferred' | 'off';
  readonly trustedRoot: Digest;
}

/**
 * There is no policy of the signer alone: workflow, its commits, repository and owner by id are all required.
 * @param serverHost put before a workflow path that names no host
 * @throws {SigstoreError} `POLICY_INVALID`; {VerifyError} `INPUT_INVALID` when nothing is required
 */
export function verificationPolicy(
  inputs: InputsOf<typeof definition>,
  serverHost: string,
  trustedRoot: Digest,
): VerificationPolicy {
  const path = inputs['workflow-path'];
  const identity: IdentityPolicy = {
    issuer: inputs.issuer,
    workflowPath: /^[^/]+\/[^/]+\/\.github\//.test(path) ? `${serverHost}/${path}` : path,
    signerDigests: inputs['signer-digests'],
    repositoryId: inputs['repository-id'],
    ownerId: inputs['owner-id'],
    runnerEnvironment: inputs['runner-environment'],
    ...(inputs['source-ref'] === undefined ? {} : { sourceRef: inputs['source-ref'] }),
  };
  assertIdentityPolicy(identity);
  const require = [...new Set(inputs.require.map(assertPredicateSlot))];
  if (require.length === 0) {
    throw new VerifyError('INPUT_INVALID', 'Cannot verify: require names nothing', {
      hint: 'Name at least one of provenance, sbom-cyclonedx, sbom-spdx, verdict, signature, vsa',
    });
  }
  return {
    identity,
    require,
    allowIsolationNone: inputs['allow-isolation-none'],
    transparency: inputs.transparency,
    trustedRoot,
  };
}

export function policyDigest(policy: VerificationPolicy): Digest {
  return sha256(canonicalJson(policy));
}
