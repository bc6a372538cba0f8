import type { PredicateSlot } from '@paved/attestation';
import type { VerifiedBundle } from '@paved/sigstore';
import type { Artifact } from './artifact.js';
import { type Check, failed, passed } from './check.js';
import type { Question } from './verify-candidate.js';

/** How old a signature of the slot may be for this artifact, in milliseconds. What `require` says of an index holds below it as well. */
function ageLimit(slot: PredicateSlot, { parent }: Artifact, { policy }: Question): number | undefined {
  const own = parent === undefined ? undefined : policy.childMaxAgeMs?.[slot];
  return own ?? policy.maxAgeMs?.[slot];
}

/** The bundles that are young enough to count; all of them where no age is asked for. */
export function young(
  slot: PredicateSlot,
  bundles: readonly VerifiedBundle[],
  artifact: Artifact,
  question: Question,
): readonly VerifiedBundle[] {
  const limit = ageLimit(slot, artifact, question);
  return limit === undefined ? bundles : bundles.filter((bundle) => ageOf(bundle, question) <= limit);
}

/** The row for the age of the latest signature; none where no age is asked for. */
export function ageCheck(
  slot: PredicateSlot,
  [latest]: readonly VerifiedBundle[],
  artifact: Artifact,
  question: Question,
): readonly Check[] {
  const limit = ageLimit(slot, artifact, question);
  if (limit === undefined) return [];
  const name = `${slot}-age`;
  if (latest === undefined) return [failed(name, 'NOT_CHECKED', `there is no verified ${slot}`)];
  const detail = `signed ${latest.signedAt.toISOString()}, at ${question.at.toISOString()} at most ${minutes(limit)} old`;
  return [ageOf(latest, question) <= limit ? passed(name, detail) : failed(name, 'ATTESTATION_TOO_OLD', detail)];
}

function ageOf({ signedAt }: VerifiedBundle, { at }: Question): number {
  return at.getTime() - signedAt.getTime();
}

function minutes(ms: number): string {
  return `${ms / 60_000} minutes`;
}
