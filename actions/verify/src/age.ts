import type { PredicateSlot } from '@paved/attestation';
import type { Artifact } from './artifact.js';
import { type Check, failed, passed } from './check.js';
import type { CountedBundle } from './counted-bundle.js';
import type { Question } from './verify-candidate.js';

/** How old a signature of the slot may be for this artifact, in milliseconds. What `require` says of an index holds below it as well. */
function ageLimit(slot: PredicateSlot, { parent }: Artifact, { policy }: Question): number | undefined {
  const own = parent === undefined ? undefined : policy.childMaxAgeMs?.[slot];
  return own ?? policy.maxAgeMs?.[slot];
}

/** The bundles that are young enough to count; all of them where no age is asked for. */
export function young(
  slot: PredicateSlot,
  bundles: readonly CountedBundle[],
  artifact: Artifact,
  question: Question,
): readonly CountedBundle[] {
  const limit = ageLimit(slot, artifact, question);
  return limit === undefined ? bundles : bundles.filter((bundle) => ageOf(bundle, question) <= limit);
}

/** The row for the age of the latest signature; none where no age is asked for. */
export function ageCheck(
  slot: PredicateSlot,
  [latest]: readonly CountedBundle[],
  artifact: Artifact,
  question: Question,
): readonly Check[] {
  const limit = ageLimit(slot, artifact, question);
  if (limit === undefined) return [];
  const name = `${slot}-age`;
  if (latest === undefined) return [failed(name, 'NOT_CHECKED', `there is no verified ${slot}`)];
  if (latest.signedAt === undefined) {
    return [failed(name, 'TIMESTAMP_MISSING', 'nothing that is verified says when it was signed')];
  }
  const detail = `signed ${latest.signedAt.toISOString()}, at ${question.at.toISOString()} at most ${minutes(limit)} old`;
  return [ageOf(latest, question) <= limit ? passed(name, detail) : failed(name, 'ATTESTATION_TOO_OLD', detail)];
}

/** What nothing verified dates is older than any limit. */
function ageOf({ signedAt }: CountedBundle, { at }: Question): number {
  return signedAt === undefined ? Number.POSITIVE_INFINITY : at.getTime() - signedAt.getTime();
}

function minutes(ms: number): string {
  return `${ms / 60_000} minutes`;
}
