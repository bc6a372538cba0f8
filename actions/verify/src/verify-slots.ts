import { PREDICATE_TYPES, type PredicateSlot } from '@paved/attestation';
import { SigstoreError, type TrustedRoot, type VerifiedBundle, verifyBundle } from '@paved/sigstore';
import type { Artifact } from './artifact.js';
import { type Candidate, claimedStatement, claimsToBeAbout } from './candidate.js';
import { type Check, type CheckCode, failed, passed } from './check.js';
import type { VerificationPolicy } from './verification-policy.js';

/** All verified bundles of one artifact by slot, latest signature first. */
export type VerifiedSlots = ReadonlyMap<PredicateSlot, readonly VerifiedBundle[]>;

export interface SlotResult {
  readonly checks: readonly Check[];
  readonly verified: VerifiedSlots;
}

interface Read {
  readonly candidate: Candidate;
  readonly predicateType: string | undefined;
  readonly aboutArtifact: boolean;
}

/**
 * Verifies every bundle of every slot for one artifact. A bundle that does not verify is as good as none: whoever may push can
 * attach one. Where a required slot has none that does, the check names why the likeliest was refused.
 */
export function verifySlots(
  artifact: Artifact,
  candidates: readonly Candidate[],
  policy: VerificationPolicy,
  trustedRoot: TrustedRoot,
): SlotResult {
  const read = candidates.map((candidate): Read => {
    const statement = claimedStatement(candidate);
    return {
      candidate,
      predicateType: statement?.predicateType,
      aboutArtifact: claimsToBeAbout(statement, artifact.digest),
    };
  });
  const verified = new Map<PredicateSlot, readonly VerifiedBundle[]>();
  const checks: Check[] = [];
  for (const slot of Object.keys(PREDICATE_TYPES) as PredicateSlot[]) {
    const { bundles, failure } = verifySlot(slot, artifact, read, policy, trustedRoot);
    if (bundles.length > 0) verified.set(slot, bundles);
    if (policy.require.includes(slot)) checks.push(slotCheck(slot, bundles, failure));
  }
  return { checks, verified };
}

function verifySlot(
  slot: PredicateSlot,
  artifact: Artifact,
  read: readonly Read[],
  policy: VerificationPolicy,
  trustedRoot: TrustedRoot,
): { readonly bundles: readonly VerifiedBundle[]; readonly failure: SigstoreError | undefined } {
  const predicateType = PREDICATE_TYPES[slot];
  // Unreadable bundles are tried last, so that a failure is explained by one that was meant.
  const tried = read
    .filter((entry) => entry.predicateType === predicateType || entry.predicateType === undefined)
    .sort((a, b) => rank(a) - rank(b));
  const bundles: VerifiedBundle[] = [];
  let failure: SigstoreError | undefined;
  for (const { candidate } of tried) {
    try {
      bundles.push(
        verifyBundle({
          bundle: candidate.text,
          trustedRoot,
          artifactDigest: artifact.digest,
          policy: policy.identity,
          predicateType,
          transparency: policy.transparency,
        }),
      );
    } catch (error) {
      if (!(error instanceof SigstoreError)) throw error;
      failure ??= error;
    }
  }
  return { bundles: bundles.sort((a, b) => b.signedAt.getTime() - a.signedAt.getTime()), failure };
}

function rank(entry: Read): number {
  if (entry.predicateType === undefined) return 2;
  return entry.aboutArtifact ? 0 : 1;
}

function slotCheck(slot: PredicateSlot, bundles: readonly VerifiedBundle[], failure: SigstoreError | undefined): Check {
  const name = `${slot}-signed`;
  const [latest] = bundles;
  if (latest !== undefined) {
    return passed(name, `${latest.bundleSha256}, signed ${latest.signedAt.toISOString()}, ${latest.transparency}`);
  }
  if (failure === undefined)
    return failed(name, 'ATTESTATION_MISSING', `there is no bundle of type ${PREDICATE_TYPES[slot]}`);
  return failed(name, failure.code as CheckCode, failure.message);
}
