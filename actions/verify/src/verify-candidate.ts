import { sha256 } from '@paved/digest';
import { SigstoreError, type TrustedRoot, type VerifyBundleOptions, verifyBundle } from '@paved/sigstore';
import type { Artifact } from './artifact.js';
import type { Candidate, Claimed } from './candidate.js';
import type { CheckCode } from './check.js';
import type { CountedBundle, Signer } from './counted-bundle.js';
import { keyDigest } from './policy-keys.js';
import { parseSimpleSigning } from './simple-signing.js';
import type { VerificationPolicy } from './verification-policy.js';

/** What every bundle of one verification is held to. */
export interface Question {
  readonly policy: VerificationPolicy;
  readonly trustedRoot: TrustedRoot;
  /** When the question is asked: now, or the moment of a replay. */
  readonly at: Date;
  /** Whether a summary will name every verified bundle of what was named, asked for or not. */
  readonly listsBundles: boolean;
  /** What no artifact and no slot can change about a candidate under a signer, so that it is found out once. */
  readonly refusals: Refusals;
}

/** Why a candidate does not count for a signer, whatever is asked about. */
export type Refusals = WeakMap<Candidate, Map<Signer, Refusal>>;

/** Refusals that say no more than that this artifact or slot is not what the candidate is about. */
const OF_THE_QUESTION: ReadonlySet<string> = new Set([
  'ARTIFACT_DIGEST_MISMATCH',
  'PREDICATE_TYPE_MISMATCH',
  'SUBJECT_MISMATCH',
]);

/** Why a bundle does not count. */
export interface Refusal {
  readonly code: CheckCode;
  readonly detail: string;
}

export type CandidateResult =
  | { readonly $case: 'verified'; readonly bundle: CountedBundle }
  | { readonly $case: 'refused'; readonly refusal: Refusal };

/**
 * Verifies one bundle for one artifact and signer. A bundle that says itself that it is about something else is not looked at further,
 * so that thousands of foreign bundles cost no signature checks.
 * @param predicateType `undefined` for a legacy image signature, which has none
 */
export function verifyCandidate(
  claimed: Claimed,
  artifact: Artifact,
  signer: Signer,
  predicateType: string | undefined,
  question: Question,
): CandidateResult {
  if (claimed.predicateType !== undefined && !claimed.isAbout(artifact.digest)) {
    return refused('SUBJECT_MISMATCH', `${artifact.digest} is not among the subjects of ${claimed.candidate.origin}`);
  }
  const known = question.refusals.get(claimed.candidate)?.get(signer);
  if (known !== undefined) return { $case: 'refused', refusal: known };
  try {
    return afterwards(verifyOne(claimed, artifact, signer, predicateType, question), question);
  } catch (error) {
    if (!(error instanceof SigstoreError)) throw error;
    const refusal = { code: error.code as CheckCode, detail: error.message };
    if (!OF_THE_QUESTION.has(error.code)) remember(question.refusals, claimed.candidate, signer, refusal);
    return { $case: 'refused', refusal };
  }
}

/** Whoever may push can attach bundles that claim to be about every manifest of an index: each would be verified again for each of them. */
function remember(refusals: Refusals, candidate: Candidate, signer: Signer, refusal: Refusal): void {
  const ofCandidate = refusals.get(candidate) ?? new Map<Signer, Refusal>();
  ofCandidate.set(signer, refusal);
  refusals.set(candidate, ofCandidate);
}

function verifyOne(
  { candidate }: Claimed,
  artifact: Artifact,
  signer: Signer,
  predicateType: string | undefined,
  { policy, trustedRoot }: Question,
): CountedBundle {
  const { payload, envelope, text: bundle } = candidate;
  const common = { bundle, trustedRoot, transparency: policy.transparency };
  const verify = (options: Omit<VerifyBundleOptions, 'policy'>) => verifyUnder(signer, options, policy);
  if (payload === undefined) {
    const type = predicateType === undefined ? {} : { predicateType };
    const options = { ...common, ...type, artifactDigest: artifact.digest };
    return verifyStamped((timestamped) => verify({ ...options, ...timestamped }), envelope);
  }
  if (parseSimpleSigning(payload) !== artifact.digest) {
    throw new SigstoreError('SUBJECT_MISMATCH', `Cannot accept the signature: it is not about ${artifact.digest}`);
  }
  return verify({ ...common, artifactDigest: sha256(payload), artifactBytes: payload });
}

function verifyUnder(
  signer: Signer,
  options: Omit<VerifyBundleOptions, 'policy'>,
  { trust }: VerificationPolicy,
): CountedBundle {
  if ('publicKey' in signer) return { ...verifyBundle({ ...options, policy: signer }), key: keyDigest(signer) };
  // Revoked commits are let through the identity here, so that their own reason is reported below, and never let through there.
  const revoked = Object.keys(trust?.revoked ?? {});
  return verifyBundle({ ...options, policy: { ...signer, signerDigests: [...signer.signerDigests, ...revoked] } });
}

/** Older cosign asked for the time of the whole stored envelope, newer cosign for that of the signature in it: either proves when. */
function verifyStamped(
  verify: (timestamped: { readonly timestampedEnvelope?: Uint8Array }) => CountedBundle,
  envelope: Uint8Array | undefined,
): CountedBundle {
  try {
    return verify({});
  } catch (error) {
    const isOther = error instanceof SigstoreError && error.code === 'TIMESTAMP_INVALID';
    if (envelope === undefined || !isOther) throw error;
    return verify({ timestampedEnvelope: envelope });
  }
}

function afterwards(bundle: CountedBundle, { policy, at }: Question): CandidateResult {
  const commit = 'identity' in bundle ? (bundle.identity.buildSignerDigest ?? '') : '';
  const { revoked = {} } = policy.trust ?? {};
  if (Object.hasOwn(revoked, commit)) {
    return refused('SIGNER_REVOKED', `commit ${commit} of the signing workflow is revoked: ${revoked[commit]}`);
  }
  // Only a replay looks back: a clock that is behind must not refuse what was signed a moment ago.
  if (policy.at !== undefined && bundle.signedAt === undefined) {
    return refused('TIMESTAMP_MISSING', 'nothing that is verified says whether it was signed by then');
  }
  if (policy.at !== undefined && bundle.signedAt !== undefined && bundle.signedAt > at) {
    return refused('SIGNED_LATER', `it was signed ${bundle.signedAt.toISOString()}, after ${policy.at}`);
  }
  return { $case: 'verified', bundle };
}

function refused(code: CheckCode, detail: string): CandidateResult {
  return { $case: 'refused', refusal: { code, detail } };
}
