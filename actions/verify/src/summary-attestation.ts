import { buildVsa, digestSetOf, SLSA_VERSION, type Statement, type VsaPredicate } from '@paved/attestation';
import { boolean, object, string } from '@paved/json';
import { buildLevel } from './expectation-checks.js';
import { readPredicate } from './provenance-checks.js';
import { policyDigest, type VerificationPolicy } from './verification-policy.js';
import type { ArtifactResult } from './verify-artifact.js';

/** Explains what `policy.digest` of a summary is over (docs/predicates/verification-summary.md). */
const POLICY_URI = 'https://github.com/org/paved/docs/predicates/verification-summary#policy';

const isolationOf = object({ isolation: object({ hermetic: boolean, method: string }) });

/**
 * What a deployment may rely on without reading the evidence again. To be signed by `sign`; only made when every check passed.
 * Build level 3 and hermetic are separate claims: the second rests on the word of the build machine.
 */
export function buildSummary(
  result: ArtifactResult,
  policy: VerificationPolicy,
  options: { readonly resourceUri: string; readonly verifierId: string; readonly timeVerified: string },
): Statement<VsaPredicate> {
  const { artifact, verified } = result;
  const bundles = [...verified.entries()].filter(([slot]) => slot !== 'vsa').flatMap(([, found]) => found.slice(0, 1));
  return buildVsa([{ name: artifact.name, digest: digestSetOf(artifact.digest) }], {
    verifier: { id: options.verifierId },
    timeVerified: options.timeVerified,
    resourceUri: options.resourceUri,
    policy: { uri: POLICY_URI, digest: digestSetOf(policyDigest(policy)) },
    inputAttestations: bundles.map(({ bundleSha256 }) => ({ digest: digestSetOf(bundleSha256) })),
    verificationResult: 'PASSED',
    verifiedLevels: levelsOf(result),
    slsaVersion: SLSA_VERSION,
  });
}

function levelsOf({ verified }: ArtifactResult): readonly string[] {
  const provenance = verified.get('provenance')?.[0];
  const predicate = provenance === undefined ? undefined : readPredicate(provenance);
  if (provenance === undefined || predicate === undefined || !('identity' in provenance)) return [];
  const level = `SLSA_BUILD_LEVEL_${buildLevel(predicate, provenance.identity)}`;
  try {
    const { isolation } = isolationOf(predicate.buildDefinition.internalParameters);
    return isolation.hermetic && isolation.method !== 'none' ? [level, 'PAVED_HERMETIC_BUILD'] : [level];
  } catch {
    return [level];
  }
}
