import type { InputsOf } from '@paved/runner-kit';
import { assertIdentityPolicy, type IdentityPolicy } from '@paved/sigstore';
import type { definition } from './definition.js';
import { PushError } from './error.js';

/**
 * Builds the policy from the inputs; nothing is guessed from the run, because the run is what is being checked.
 * @param serverHost host of the GitHub server, put before a workflow path that names none
 * @throws {PushError} `PUSH_INPUT_INVALID` that names the inputs that are empty; {SigstoreError} `POLICY_INVALID`
 */
export function identityPolicy(inputs: InputsOf<typeof definition>, serverHost: string): IdentityPolicy {
  const names = ['issuer', 'workflow-path', 'signer-digests', 'repository-id', 'owner-id'] as const;
  const empty = names.filter((name) => inputs[name] === undefined || inputs[name].length === 0);
  if (empty.length > 0) {
    throw new PushError('PUSH_INPUT_INVALID', `Cannot verify the bundles: ${empty.join(', ')} missing`, {
      hint: 'Say who may have signed; a bundle is worth nothing without that',
    });
  }
  const path = inputs['workflow-path'] ?? '';
  const policy: IdentityPolicy = {
    issuer: inputs.issuer ?? '',
    workflowPath: /^[^/]+\/[^/]+\/\.github\//.test(path) ? `${serverHost}/${path}` : path,
    signerDigests: inputs['signer-digests'] ?? [],
    repositoryId: inputs['repository-id'] ?? '',
    ownerId: inputs['owner-id'] ?? '',
    runnerEnvironment: inputs['runner-environment'],
    ...(inputs['source-ref'] === undefined ? {} : { sourceRef: inputs['source-ref'] }),
  };
  assertIdentityPolicy(policy);
  return policy;
}
