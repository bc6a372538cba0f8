import type { Digest } from '@paved/digest';
import type { Artifact } from './artifact.js';
import type { Check } from './check.js';
import { type Claim, claimsOf } from './claims.js';
import { policyDigest, type VerificationPolicy } from './verification-policy.js';
import type { ArtifactResult } from './verify-artifact.js';

export const VERIFICATION_MEDIA_TYPE = 'application/vnd.paved.verification.v1+json';

/** An artifact without the place where it was found. */
export interface NamedArtifact {
  readonly name: string;
  readonly digest: Digest;
  readonly parent?: Digest;
}

/** docs/schemas/verification.schema.json. `artifact` is the first of `artifacts`; names of checks carry the file where there are several. */
export interface Verification {
  readonly mediaType: typeof VERIFICATION_MEDIA_TYPE;
  readonly ok: boolean;
  readonly artifact: NamedArtifact;
  readonly artifacts: readonly NamedArtifact[];
  readonly policy: VerificationPolicy & { readonly sha256: string };
  readonly checks: readonly Check[];
  readonly claims: readonly Claim[];
  readonly at: string;
}

export function buildVerification(
  gathered: readonly Check[],
  results: readonly [ArtifactResult, ...ArtifactResult[]],
  policy: VerificationPolicy,
  at: string,
): Verification {
  const several = results.length > 1;
  const checks = [
    ...gathered,
    ...results.flatMap(({ artifact, checks: own }) =>
      several ? own.map((check) => ({ ...check, name: `${check.name} ${artifact.name}` })) : own,
    ),
  ];
  return {
    mediaType: VERIFICATION_MEDIA_TYPE,
    // No check at all is not a success.
    ok: checks.length > 0 && checks.every((check) => check.ok),
    artifact: named(results[0].artifact),
    artifacts: results.map(({ artifact }) => named(artifact)),
    policy: { ...policy, sha256: policyDigest(policy) },
    checks,
    claims: claimsOf(results[0].verified, policy),
    at,
  };
}

function named({ name, digest, parent }: Artifact): NamedArtifact {
  return { name, digest, ...(parent === undefined ? {} : { parent }) };
}
