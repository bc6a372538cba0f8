import type { TrustedRoot } from '@paved/sigstore';
import type { Artifact } from './artifact.js';
import type { Candidate } from './candidate.js';
import { type Check, failed } from './check.js';
import { checkSbom, checkVerdict, checkVsa } from './document-checks.js';
import { checkProvenance, PROVENANCE_CHECKS } from './provenance-checks.js';
import type { VerificationPolicy } from './verification-policy.js';
import { type VerifiedSlots, verifySlots } from './verify-slots.js';

export interface ArtifactResult {
  readonly artifact: Artifact;
  readonly checks: readonly Check[];
  readonly verified: VerifiedSlots;
}

const CHECKS_OF_SLOT = {
  provenance: PROVENANCE_CHECKS,
  'sbom-cyclonedx': ['sbom-cyclonedx'],
  'sbom-spdx': ['sbom-spdx'],
  verdict: ['verdict', 'verdict-subject'],
  vsa: ['vsa-resource', 'vsa-result'],
} as const;

/**
 * All checks of one artifact. The latest signature of a slot counts; what a required slot without a verified bundle would have
 * shown is reported as not checked, so that a report has the same rows whatever failed.
 * @param resourceUri what a verification summary must be about, or `undefined` when the name is not known
 */
export function verifyArtifact(
  artifact: Artifact,
  candidates: readonly Candidate[],
  policy: VerificationPolicy,
  trustedRoot: TrustedRoot,
  resourceUri: string | undefined,
): ArtifactResult {
  const { checks, verified } = verifySlots(artifact, candidates, policy, trustedRoot);
  const all = [...checks];
  for (const slot of Object.keys(CHECKS_OF_SLOT) as (keyof typeof CHECKS_OF_SLOT)[]) {
    const bundles = verified.get(slot);
    if (bundles !== undefined) all.push(...checkSlot(slot, bundles, artifact, policy, resourceUri));
    else if (policy.require.includes(slot)) all.push(...notChecked(slot));
  }
  return { artifact, checks: all, verified };
}

function checkSlot(
  slot: keyof typeof CHECKS_OF_SLOT,
  bundles: NonNullable<ReturnType<VerifiedSlots['get']>>,
  artifact: Artifact,
  policy: VerificationPolicy,
  resourceUri: string | undefined,
): readonly Check[] {
  const [latest] = bundles;
  if (latest === undefined) return notChecked(slot);
  switch (slot) {
    case 'provenance':
      return checkProvenance(latest, policy);
    case 'sbom-cyclonedx':
    case 'sbom-spdx':
      return [checkSbom(slot, latest)];
    case 'verdict':
      return checkVerdict(latest, artifact);
    case 'vsa':
      if (resourceUri !== undefined) return checkVsa(bundles, resourceUri);
      return policy.require.includes('vsa') ? notChecked(slot) : [];
  }
}

function notChecked(slot: keyof typeof CHECKS_OF_SLOT): readonly Check[] {
  const state =
    slot === 'vsa' ? 'there is no verified summary, or no name to compare it with' : `there is no verified ${slot}`;
  return CHECKS_OF_SLOT[slot].map((name) => failed(name, 'NOT_CHECKED', state));
}
