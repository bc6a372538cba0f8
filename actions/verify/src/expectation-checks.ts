import { GITHUB_WORKFLOW_BUILD_TYPE, type ProvenancePredicate, RELEASE_ARTIFACT_BUILD_TYPE } from '@paved/attestation';
import { boolean, canonicalJson, object } from '@paved/json';
import type { VerifiedIdentity } from '@paved/sigstore';
import { type Check, compared, failed, passed } from './check.js';
import type { Expectations } from './expectations.js';

const CHECK_OF: Readonly<Record<Exclude<keyof Expectations, 'buildTypes'>, string>> = {
  builderId: 'expected-builder',
  level: 'slsa-level',
  sourceRepository: 'expected-source',
  sourceCommit: 'expected-commit',
  requiredParameters: 'required-parameters',
  parameters: 'expected-parameters',
};

/** Names of the checks that `expectations` leads to. */
export function expectationNames(expectations: Expectations | undefined): readonly string[] {
  const given = expectations ?? {};
  return Object.entries(CHECK_OF).flatMap(([key, name]) => (key in given ? [name] : []));
}

/** Source and builder are compared with the certificate; parameters are the signer's word alone. */
export function checkExpectations(
  predicate: ProvenancePredicate,
  identity: VerifiedIdentity,
  expectations: Expectations | undefined,
): readonly Check[] {
  if (expectations === undefined) return [];
  const { builderId, level, sourceRepository, sourceCommit, requiredParameters, parameters } = expectations;
  const { externalParameters } = predicate.buildDefinition;
  const checks: Check[] = [];
  if (builderId !== undefined) {
    checks.push(compared('expected-builder', 'BUILDER_ID_MISMATCH', predicate.runDetails.builder.id, builderId));
  }
  if (level !== undefined) checks.push(checkLevel(predicate, identity, level));
  if (sourceRepository !== undefined) {
    const actual = identity.sourceRepositoryUri;
    checks.push(compared('expected-source', 'SOURCE_REPOSITORY_MISMATCH', actual, sourceRepository));
  }
  if (sourceCommit !== undefined) {
    const actual = identity.sourceRepositoryDigest;
    checks.push(compared('expected-commit', 'SOURCE_COMMIT_MISMATCH', actual, sourceCommit));
  }
  if (requiredParameters !== undefined) checks.push(checkRequired(externalParameters, requiredParameters));
  if (parameters !== undefined) checks.push(checkParameters(externalParameters, parameters));
  return checks;
}

const acceptance = object({ selfHostedAllowed: boolean });

/**
 * The build level that provenance of this kind can show (SLSA 1.2, "Build track"). Level 3 needs the build type whose jobs are
 * isolated from the signer; GitHub's own type says nothing of isolation.
 */
export function buildLevel(predicate: ProvenancePredicate, identity: VerifiedIdentity): 1 | 2 | 3 {
  if (identity.runnerEnvironment !== 'github-hosted') {
    return predicate.buildDefinition.buildType === RELEASE_ARTIFACT_BUILD_TYPE ? 2 : 1;
  }
  switch (predicate.buildDefinition.buildType) {
    case RELEASE_ARTIFACT_BUILD_TYPE:
      return hostedAlone(predicate.buildDefinition.internalParameters) ? 3 : 2;
    case GITHUB_WORKFLOW_BUILD_TYPE:
      return 2;
    default:
      return 1;
  }
}

function hostedAlone(parameters: unknown): boolean {
  try {
    return !acceptance(parameters).selfHostedAllowed;
  } catch {
    return false;
  }
}

function checkLevel(predicate: ProvenancePredicate, identity: VerifiedIdentity, wanted: number): Check {
  const level = buildLevel(predicate, identity);
  const detail = `Build L${level}, at least L${wanted} is wanted`;
  return level >= wanted ? passed('slsa-level', detail) : failed('slsa-level', 'SLSA_LEVEL_TOO_LOW', detail);
}

function checkRequired(parameters: unknown, pointers: readonly string[]): Check {
  const missing = pointers.filter((pointer) => valueAt(parameters, pointer) === undefined);
  if (missing.length === 0) return passed('required-parameters', pointers.join(', '));
  return failed('required-parameters', 'EXTERNAL_PARAMETERS_MISSING', `${missing.join(', ')} missing`);
}

function checkParameters(actual: unknown, expected: Readonly<Record<string, unknown>>): Check {
  const different = differences(actual, expected, '');
  if (different.length === 0) return passed('expected-parameters', `${Object.keys(expected).join(', ')} equal`);
  return failed(
    'expected-parameters',
    'EXTERNAL_PARAMETERS_MISMATCH',
    `${different.slice(0, 10).join(', ')} different`,
  );
}

/** Pointers of what differs; members that `expected` does not name are left to the other checks. */
function differences(actual: unknown, expected: unknown, pointer: string): readonly string[] {
  if (!isRecord(expected)) return same(actual, expected) ? [] : [pointer];
  if (!isRecord(actual)) return [pointer];
  return Object.entries(expected).flatMap(([key, value]) =>
    differences(Object.hasOwn(actual, key) ? actual[key] : undefined, value, `${pointer}/${key}`),
  );
}

function same(actual: unknown, expected: unknown): boolean {
  return actual !== undefined && canonicalJson(actual) === canonicalJson(expected);
}

/** RFC 6901 without escapes; inherited members are not there. */
export function valueAt(document: unknown, pointer: string): unknown {
  let value = document;
  for (const key of pointer.split('/').slice(1)) {
    if (!isRecord(value) || !Object.hasOwn(value, key)) return undefined;
    value = value[key];
  }
  return value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
