import { PREDICATE_SLOTS, PREDICATE_TYPES, type PredicateSlot } from '@paved/attestation';
import { ageCheck } from './age.js';
import type { Artifact } from './artifact.js';
import type { Claimed } from './candidate.js';
import { type Check, failed, passed } from './check.js';
import { byLatest, type CountedBundle, type Signer } from './counted-bundle.js';
import { signersOf } from './verification-policy.js';
import { type CandidateResult, type Question, type Refusal, verifyCandidate } from './verify-candidate.js';

/** All verified bundles of one artifact by slot, latest signature first. */
export type VerifiedSlots = ReadonlyMap<PredicateSlot, readonly CountedBundle[]>;

export interface SlotResult {
  readonly checks: readonly Check[];
  readonly verified: VerifiedSlots;
}

/**
 * Verifies every bundle of every slot that the answer rests on, for one artifact. A bundle that does not verify is as good as none: whoever may push can
 * attach one. Where a required slot has none that does, the check names why the likeliest was refused.
 */
export function verifySlots(
  artifact: Artifact,
  claimed: readonly Claimed[],
  require: readonly PredicateSlot[],
  question: Question,
): SlotResult {
  const verified = new Map<PredicateSlot, readonly CountedBundle[]>();
  const checks: Check[] = [];
  for (const slot of PREDICATE_SLOTS) {
    if (!require.includes(slot) && !isRead(slot, artifact, verified, question)) continue;
    const { bundles, refusal } = verifySlot(slot, artifact, claimed, signersOf(question.policy), question);
    if (bundles.length > 0) verified.set(slot, bundles);
    if (!require.includes(slot)) continue;
    const reason = refusal ?? anotherVersion(slot, claimed, artifact);
    checks.push(slotCheck(slot, bundles, reason), ...ageCheck(slot, bundles, artifact, question));
  }
  return { checks, verified };
}

/**
 * Whether anything reads a slot that is not required. The documents of what was named are read whoever asked for them, because one that is
 * there must not say no; below an index they speak of nothing that is asked, and a plain image signature says nothing but that it is there.
 */
function isRead(slot: PredicateSlot, artifact: Artifact, verified: VerifiedSlots, { listsBundles }: Question): boolean {
  if (artifact.parent !== undefined) return false;
  // Without any other bundle the claims of the certificate are those of this one.
  return slot !== 'signature' || listsBundles || verified.size === 0;
}

/** The bundles of one slot that any of `signers` made, latest first, and why the likeliest other one does not count. */
export function verifySlot(
  slot: PredicateSlot,
  artifact: Artifact,
  claimed: readonly Claimed[],
  signers: readonly Signer[],
  question: Question,
): { readonly bundles: readonly CountedBundle[]; readonly refusal: Refusal | undefined } {
  const bundles: CountedBundle[] = [];
  let refusal: Refusal | undefined;
  for (const entry of likeliestFirst(slot, claimed, artifact)) {
    const isLegacy = entry.candidate.payload !== undefined;
    const type = isLegacy ? undefined : PREDICATE_TYPES[slot];
    const result = verifyUnderAny(signers, (signer) => verifyCandidate(entry, artifact, signer, type, question));
    if (result.$case === 'verified') bundles.push(result.bundle);
    // A revocation explains more than any other state of any other bundle.
    else if (refusal === undefined || result.refusal.code === 'SIGNER_REVOKED') refusal = result.refusal;
  }
  return { bundles: bundles.sort(byLatest), refusal };
}

/** The first signer that verifies it; else why the one did not whose key or identity came furthest. */
function verifyUnderAny(signers: readonly Signer[], verify: (signer: Signer) => CandidateResult): CandidateResult {
  let best: CandidateResult | undefined;
  for (const signer of signers) {
    const result = verify(signer);
    if (result.$case === 'verified') return result;
    if (best?.$case !== 'refused' || best.refusal.code === 'SIGNATURE_INVALID') best = result;
  }
  return best ?? { $case: 'refused', refusal: { code: 'NOT_CHECKED', detail: 'nobody is named who may have signed' } };
}

/** Unreadable bundles are tried last, so that a failure is explained by one that was meant. */
function likeliestFirst(slot: PredicateSlot, claimed: readonly Claimed[], artifact: Artifact): readonly Claimed[] {
  const rank = (entry: Claimed) =>
    entry.predicateType === undefined && entry.candidate.payload === undefined
      ? 2
      : entry.isAbout(artifact.digest)
        ? 0
        : 1;
  return claimed
    .filter((entry) =>
      entry.candidate.payload === undefined
        ? entry.predicateType === undefined || entry.predicateType === PREDICATE_TYPES[slot]
        : slot === 'signature',
    )
    .sort((a, b) => rank(a) - rank(b));
}

/** A bundle about the artifact whose predicate type is the slot's in another version: it is there, and not what was asked for. */
function anotherVersion(slot: PredicateSlot, claimed: readonly Claimed[], artifact: Artifact): Refusal | undefined {
  const wanted = PREDICATE_TYPES[slot];
  const other = claimed.find(
    ({ predicateType = '', isAbout }) =>
      predicateType !== wanted && unversioned(predicateType) === unversioned(wanted) && isAbout(artifact.digest),
  );
  if (other === undefined) return undefined;
  const seen = (other.predicateType ?? '').slice(0, 200);
  return { code: 'PREDICATE_TYPE_MISMATCH', detail: `there is no bundle of type ${wanted}, only of "${seen}"` };
}

function unversioned(predicateType: string): string {
  return predicateType.replace(/\/v?[0-9]+(\.[0-9]+)*$/, '');
}

function slotCheck(slot: PredicateSlot, bundles: readonly CountedBundle[], refusal: Refusal | undefined): Check {
  const name = `${slot}-signed`;
  const [latest] = bundles;
  if (latest !== undefined) {
    const when = latest.signedAt === undefined ? 'at no verified time' : latest.signedAt.toISOString();
    const key = 'key' in latest ? `, under key ${latest.key}` : '';
    return passed(name, `${latest.bundleSha256}, signed ${when}, ${latest.transparency}${key}`);
  }
  if (refusal !== undefined) return failed(name, refusal.code, refusal.detail);
  return failed(name, 'ATTESTATION_MISSING', `there is no bundle of type ${PREDICATE_TYPES[slot]}`);
}
