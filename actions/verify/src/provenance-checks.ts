import {
  GITHUB_WORKFLOW_BUILD_TYPE,
  isRehearsal,
  type ProvenancePredicate,
  parseProvenance,
  REHEARSAL_SUFFIX,
} from '@paved/attestation';
import { array, boolean, nullable, object, string } from '@paved/json';
import type { VerifiedBundle, VerifiedIdentity } from '@paved/sigstore';
import { type Check, compared, failed, passed } from './check.js';
import type { CountedBundle } from './counted-bundle.js';
import { checkExpectations, expectationNames } from './expectation-checks.js';
import { DEFAULT_BUILD_TYPES } from './expectations.js';
import { checkGitHubWorkflow } from './github-workflow-checks.js';
import { checkSourceCommit } from './source-commit-check.js';
import type { VerificationPolicy } from './verification-policy.js';

const EXTERNAL_PARAMETERS = ['source', 'workflow', 'inputs'];

const PROVENANCE_CHECKS: readonly string[] = [
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
];

/** Names of the checks of provenance, for a report where none could be read. */
export function provenanceCheckNames({ expectations }: VerificationPolicy): readonly string[] {
  return [...PROVENANCE_CHECKS, ...expectationNames(expectations)];
}

const sourceParameter = object({ source: object({ repository: string, ref: string }) });
const jobsParameter = object({
  selfHostedAllowed: boolean,
  jobs: array(object({ name: string, conclusion: string, runner_group_name: nullable(string) })),
});
const isolationParameter = object({ isolation: object({ method: string, hermetic: boolean }) });

/**
 * Compares what the predicate says with what the certificate proves: the signer's code could be wrong, the issuer's claims are not
 * its to choose. What only the predicate says is checked for being there.
 */
export function checkProvenance(bundle: VerifiedBundle, policy: VerificationPolicy): readonly Check[] {
  const predicate = readPredicate(bundle);
  if (predicate === undefined) {
    return provenanceCheckNames(policy).map((name) =>
      failed(name, 'PREDICATE_MALFORMED', 'the predicate is not SLSA provenance v1'),
    );
  }
  const { identity } = bundle;
  const ofType =
    predicate.buildDefinition.buildType === GITHUB_WORKFLOW_BUILD_TYPE
      ? checkGitHubWorkflow(predicate, identity, policy)
      : checkReleaseArtifact(predicate, identity, policy);
  return [
    checkBuilder(predicate, identity, policy),
    checkBuildType(predicate.buildDefinition.buildType, policy),
    ...ofType,
    ...checkExpectations(predicate, identity, policy.expectations),
  ];
}

/** Under a key nothing proves what provenance says, so that it is only asked for what would refuse the artifact. */
export function checkUnderKey(bundles: readonly CountedBundle[]): readonly Check[] {
  if (!bundles.some(({ statement }) => isRehearsal(statement?.predicate))) return [];
  return [failed('builder-id', 'REHEARSAL_REFUSED', 'the provenance is of a rehearsal, which releases nothing')];
}

/** First of all, whether this is about a release: a rehearsal says of itself that nobody vouches for it. */
function checkBuilder(
  predicate: ProvenancePredicate,
  { san }: VerifiedIdentity,
  { allowRehearsal }: VerificationPolicy,
): Check {
  const { id } = predicate.runDetails.builder;
  if (!isRehearsal(predicate)) return compared('builder-id', 'BUILDER_ID_MISMATCH', id, san);
  if (allowRehearsal) return compared('builder-id', 'BUILDER_ID_MISMATCH', id, `${san}${REHEARSAL_SUFFIX}`);
  return failed('builder-id', 'REHEARSAL_REFUSED', 'the provenance is of a rehearsal, which releases nothing');
}

function checkBuildType(buildType: string, { expectations }: VerificationPolicy): Check {
  const accepted = expectations?.buildTypes ?? DEFAULT_BUILD_TYPES;
  if (accepted.includes(buildType)) return passed('build-type', buildType);
  return failed('build-type', 'BUILD_TYPE_UNKNOWN', `"${buildType.slice(0, 200)}" is not accepted`);
}

function checkReleaseArtifact(
  predicate: ProvenancePredicate,
  identity: VerifiedIdentity,
  policy: VerificationPolicy,
): readonly Check[] {
  const { buildDefinition, runDetails } = predicate;
  const { builder, metadata } = runDetails;
  return [
    compared('workflow-commit', 'WORKFLOW_COMMIT_MISMATCH', builder.version?.workflow, identity.buildSignerDigest),
    ...checkSource(predicate, identity),
    compared('invocation', 'INVOCATION_MISMATCH', metadata?.invocationId, identity.runInvocationUri),
    checkExternalParameters(buildDefinition.externalParameters),
    checkJobs(buildDefinition.internalParameters, policy),
    checkIsolation(buildDefinition.internalParameters, policy),
  ];
}

/** The predicate of a verified bundle, or `undefined` when it is not readable as provenance. */
export function readPredicate(bundle: CountedBundle): ProvenancePredicate | undefined {
  try {
    return bundle.statement === undefined ? undefined : parseProvenance(bundle.statement).predicate;
  } catch {
    return undefined;
  }
}

function checkSource({ buildDefinition }: ProvenancePredicate, identity: VerifiedIdentity): readonly Check[] {
  const source = attempt(() => sourceParameter(buildDefinition.externalParameters).source);
  return [
    compared('source-repository', 'SOURCE_REPOSITORY_MISMATCH', source?.repository, identity.sourceRepositoryUri),
    checkSourceCommit(buildDefinition.resolvedDependencies, identity),
    compared('source-ref', 'SOURCE_REF_MISMATCH', source?.ref, identity.sourceRepositoryRef),
  ];
}

/** SLSA: a verifier refuses parameters that it does not know, because they may have changed what was built. */
function checkExternalParameters(parameters: Readonly<Record<string, unknown>>): Check {
  const name = 'external-parameters';
  const missing = EXTERNAL_PARAMETERS.filter((key) => !Object.hasOwn(parameters, key));
  if (missing.length > 0) return failed(name, 'EXTERNAL_PARAMETERS_MISSING', `${missing.join(', ')} missing`);
  const unknown = Object.keys(parameters).filter((key) => !EXTERNAL_PARAMETERS.includes(key));
  if (unknown.length > 0)
    return failed(name, 'EXTERNAL_PARAMETERS_UNKNOWN', `${unknown.join(', ').slice(0, 200)} not known`);
  return passed(name, EXTERNAL_PARAMETERS.join(', '));
}

function checkJobs(parameters: unknown, { identity }: VerificationPolicy): Check {
  const found = attempt(() => jobsParameter(parameters));
  if (found === undefined || found.jobs.length === 0 || found.jobs.some(({ conclusion }) => conclusion !== 'success')) {
    return failed('build-jobs', 'BUILD_JOBS_MISSING', 'the provenance names no successful build job');
  }
  if (found.selfHostedAllowed && identity?.runnerEnvironment !== 'self-hosted') {
    return failed('build-jobs', 'SELF_HOSTED_ALLOWED', 'the provenance says that self-hosted runners were accepted');
  }
  return passed(
    'build-jobs',
    found.jobs.map((job) => `${job.name} (${job.runner_group_name ?? 'no group'})`).join(', '),
  );
}

function checkIsolation(parameters: unknown, policy: VerificationPolicy): Check {
  const found = attempt(() => isolationParameter(parameters).isolation);
  if (found === undefined)
    return failed('isolation', 'ISOLATION_MISSING', 'the provenance does not say how the build was isolated');
  const text = `${found.method.slice(0, 40)}, ${found.hermetic ? 'hermetic' : 'not hermetic'} (the build machine says so)`;
  if (policy.allowIsolationNone) return passed('isolation', `${text}; isolation is not required`);
  if (found.method === 'none') return failed('isolation', 'ISOLATION_NONE', text);
  return found.hermetic ? passed('isolation', text) : failed('isolation', 'NOT_HERMETIC', text);
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
