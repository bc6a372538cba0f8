import type { ProvenancePredicate } from '@paved/attestation';
import { object, string } from '@paved/json';
import type { VerifiedIdentity } from '@paved/sigstore';
import { type Check, compared, failed, passed } from './check.js';
import { checkSourceCommit } from './source-commit-check.js';
import type { VerificationPolicy } from './verification-policy.js';

const workflowParameter = object({ workflow: object({ ref: string, repository: string, path: string }) });
const githubParameter = object({
  github: object({
    event_name: string,
    repository_id: string,
    repository_owner_id: string,
    runner_environment: string,
  }),
});

/** Checks of https://actions.github.io/buildtypes/workflow/v1: every one of its fields has its equal in the certificate. */
export function checkGitHubWorkflow(
  { buildDefinition, runDetails }: ProvenancePredicate,
  identity: VerifiedIdentity,
  policy: VerificationPolicy,
): readonly Check[] {
  const workflow = attempt(() => workflowParameter(buildDefinition.externalParameters).workflow);
  const { invocationId } = runDetails.metadata ?? {};
  return [
    compared('source-repository', 'SOURCE_REPOSITORY_MISMATCH', workflow?.repository, identity.sourceRepositoryUri),
    checkSourceCommit(buildDefinition.resolvedDependencies, identity),
    compared('source-ref', 'SOURCE_REF_MISMATCH', workflow?.ref, identity.sourceRepositoryRef),
    compared('invocation', 'INVOCATION_MISMATCH', invocationId, identity.runInvocationUri),
    checkParameters(buildDefinition.externalParameters, workflow, identity),
    checkClaims(buildDefinition.internalParameters, identity),
    checkIsolation(policy),
  ];
}

function checkParameters(
  parameters: Readonly<Record<string, unknown>>,
  workflow: { readonly repository: string; readonly path: string } | undefined,
  identity: VerifiedIdentity,
): Check {
  const name = 'external-parameters';
  if (workflow === undefined) return failed(name, 'EXTERNAL_PARAMETERS_MISSING', 'workflow is missing or incomplete');
  const unknown = Object.keys(parameters).filter((key) => key !== 'workflow');
  if (unknown.length > 0) {
    return failed(name, 'EXTERNAL_PARAMETERS_UNKNOWN', `${unknown.join(', ').slice(0, 200)} not known`);
  }
  const file = identity.buildConfigUri?.slice(0, identity.buildConfigUri.lastIndexOf('@'));
  return compared(name, 'EXTERNAL_PARAMETERS_MISMATCH', `${workflow.repository}/${workflow.path}`, file);
}

function checkClaims(parameters: unknown, identity: VerifiedIdentity): Check {
  const found = attempt(() => githubParameter(parameters).github);
  const stated = [found?.event_name, found?.repository_id, found?.repository_owner_id, found?.runner_environment];
  const proven = [
    identity.buildTrigger,
    identity.sourceRepositoryId,
    identity.sourceRepositoryOwnerId,
    identity.runnerEnvironment,
  ];
  return compared('github-claims', 'CLAIMS_MISMATCH', stated.join(' '), proven.join(' '));
}

function checkIsolation({ allowIsolationNone }: VerificationPolicy): Check {
  const detail = 'this build type says nothing of isolation';
  if (allowIsolationNone) return passed('isolation', `${detail}; isolation is not required`);
  return failed('isolation', 'ISOLATION_MISSING', detail);
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
