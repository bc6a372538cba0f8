import type { PredicateSlot } from '@paved/attestation';
import { young } from './age.js';
import type { Artifact } from './artifact.js';
import type { Claimed } from './candidate.js';
import { type Check, failed, passed } from './check.js';
import type { CountedBundle } from './counted-bundle.js';
import { checkSbom, checkVerdict, checkVsa } from './document-checks.js';
import { checkProvenance, checkUnderKey, provenanceCheckNames } from './provenance-checks.js';
import type { Question } from './verify-candidate.js';
import { type VerifiedSlots, verifySlot, verifySlots } from './verify-slots.js';

export interface ArtifactResult {
  readonly artifact: Artifact;
  readonly checks: readonly Check[];
  readonly verified: VerifiedSlots;
}

const CHECKED_SLOTS = ['provenance', 'sbom-cyclonedx', 'sbom-spdx', 'verdict', 'vsa'] as const;
type CheckedSlot = (typeof CHECKED_SLOTS)[number];

/** One artifact under one question. */
interface Subject {
  readonly artifact: Artifact;
  readonly question: Question;
  readonly require: readonly PredicateSlot[];
  /** What a verification summary must be about, or `undefined` when the name is not known. */
  readonly resourceUri: string | undefined;
}

/**
 * All checks of one artifact. The latest signature of a slot counts; what a required slot without a verified bundle would have
 * shown is reported as not checked, so that a report has the same rows whatever failed.
 */
export function verifyArtifact(
  artifact: Artifact,
  claimed: readonly Claimed[],
  question: Question,
  resourceUri: string | undefined,
): ArtifactResult {
  const { policy } = question;
  const require = artifact.parent === undefined ? policy.require : (policy.childRequire ?? []);
  const subject: Subject = { artifact, question, require, resourceUri };
  const { checks, verified } = verifySlots(artifact, claimed, require, question);
  const all = [...checks, ...thresholdChecks(subject, claimed, verified)];
  for (const slot of CHECKED_SLOTS) {
    const bundles = verified.get(slot);
    const required = require.includes(slot);
    // The documents of an index speak of the index: beside a child they count only where they are asked for.
    if (bundles !== undefined && (required || artifact.parent === undefined)) {
      all.push(...checkSlot(slot, bundles, subject));
    } else if (required) all.push(...notChecked(slot, question));
  }
  return { artifact, checks: all, verified };
}

/** How many of the named signers made a bundle whose contents hold as well. */
function thresholdChecks(subject: Subject, claimed: readonly Claimed[], verified: VerifiedSlots): readonly Check[] {
  const { policy } = subject.question;
  if (policy.coSigners === undefined) return [];
  const threshold = policy.threshold ?? 1;
  return subject.require.map((slot) => {
    const own = verified.get(slot) ?? [];
    const names = holds(slot, own, subject) ? ['identity'] : [];
    for (const signer of policy.coSigners ?? []) {
      const { bundles } = verifySlot(slot, subject.artifact, claimed, [signer], subject.question);
      if (holds(slot, bundles, subject)) names.push(signer.name);
    }
    const detail = `signed by ${names.join(', ') || 'nobody'}; ${threshold} are wanted`;
    if (names.length >= threshold) return passed(`${slot}-signers`, detail);
    return failed(`${slot}-signers`, 'SIGNERS_TOO_FEW', detail);
  });
}

/** A signature that is too old counts for nobody. */
function holds(slot: PredicateSlot, signed: readonly CountedBundle[], subject: Subject): boolean {
  const bundles = young(slot, signed, subject.artifact, subject.question);
  if (bundles.length === 0) return false;
  return slot === 'signature' || checkSlot(slot, bundles, subject).every(({ ok }) => ok);
}

function checkSlot(
  slot: CheckedSlot,
  bundles: readonly CountedBundle[],
  { artifact, question, require, resourceUri }: Subject,
): readonly Check[] {
  const [latest] = bundles;
  if (latest === undefined) return notChecked(slot, question);
  switch (slot) {
    case 'provenance':
      return 'identity' in latest ? checkProvenance(latest, question.policy) : checkUnderKey(bundles);
    case 'sbom-cyclonedx':
    case 'sbom-spdx':
      return [checkSbom(slot, latest)];
    case 'verdict':
      return checkVerdict(latest, artifact);
    case 'vsa':
      // Any of several summaries may be the one of this name: an old one must not hide behind a young one of another name.
      if (resourceUri !== undefined) return checkVsa(young(slot, bundles, artifact, question), resourceUri);
      return require.includes('vsa') ? notChecked(slot, question) : [];
  }
}

function notChecked(slot: CheckedSlot, { policy }: Question): readonly Check[] {
  const state =
    slot === 'vsa' ? 'there is no verified summary, or no name to compare it with' : `there is no verified ${slot}`;
  return checkNames(slot, policy).map((name) => failed(name, 'NOT_CHECKED', state));
}

function checkNames(slot: CheckedSlot, policy: Question['policy']): readonly string[] {
  switch (slot) {
    case 'provenance':
      return provenanceCheckNames(policy);
    case 'sbom-cyclonedx':
    case 'sbom-spdx':
      return [slot];
    case 'verdict':
      return ['verdict', 'verdict-subject'];
    case 'vsa':
      return ['vsa-resource', 'vsa-result'];
  }
}
