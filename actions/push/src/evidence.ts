import {
  digestSetHas,
  isPredicateSlot,
  isRehearsal,
  PREDICATE_TYPES,
  parseEnvelope,
  parseStatement,
  slotOfPredicateType,
} from '@paved/attestation';
import type { Digest } from '@paved/digest';
import { object, parseJson, unknown } from '@paved/json';
import {
  buildBundleReferrer,
  type Content,
  type Manifest,
  manifestDescriptor,
  type PulledImage,
  type Referrer,
  readBlob,
  SIGSTORE_BUNDLE,
} from '@paved/oci';
import {
  type IdentityPolicy,
  type KeyPolicy,
  type TrustedRoot,
  type VerifiedBundle,
  type VerifiedKeyBundle,
  verifyBundle,
} from '@paved/sigstore';
import { PushError } from './error.js';
import type { GivenBundle } from './read-bundles.js';

export interface EvidenceOptions {
  readonly bundles: readonly GivenBundle[];
  readonly layout: Content;
  readonly trustedRoot: TrustedRoot;
  /** A key only in a rehearsal. */
  readonly policy: IdentityPolicy | KeyPolicy;
}

/** What verified bundles say about the manifests of one layout. */
export interface Evidence {
  readonly referrers: readonly Referrer[];
  /** Referrers of referrers, of a copy. */
  readonly nested: readonly (readonly Referrer[])[];
  /** Slots that are signed, by manifest. */
  readonly slots: ReadonlyMap<Digest, ReadonlySet<string>>;
}

export const NO_EVIDENCE: Evidence = { referrers: [], nested: [], slots: new Map() };

const bundleDecoder = object({ dsseEnvelope: unknown });

/**
 * Verifies every bundle for every manifest of the layout that its own statement names, and builds the referrers. A bundle about other
 * artifacts is left out; one that names a manifest of the layout and does not verify stops everything.
 * @throws {SigstoreError} the first check that failed
 */
export function collectEvidence({ bundles, layout, trustedRoot, policy }: EvidenceOptions): Evidence {
  const referrers: Referrer[] = [];
  const slots = new Map<Digest, Set<string>>();
  for (const bundle of bundles) {
    for (const manifest of manifestsNamedBy(bundle, layout.manifests)) {
      const verified = verifyUnder(policy, { bundle: bundle.text, trustedRoot, artifactDigest: manifest.digest });
      if (!('publicKey' in policy)) refuseRehearsal(verified, bundle.path);
      const slot = slotOf(verified);
      if (slot !== undefined) slots.set(manifest.digest, (slots.get(manifest.digest) ?? new Set()).add(slot));
      referrers.push(referrerOf(bundle, manifest, verified));
    }
  }
  return { referrers, nested: [], slots };
}

const MAX_BUNDLE_BYTES = 16 * 1024 * 1024;

/**
 * The referrers of an image that is copied, as they are. Each that is a Sigstore bundle is verified for its subject first, on every
 * level; the others say nothing that counts as evidence.
 * @param verifying absent only when nothing is required: then nothing is verified, and nothing counts
 * @throws {SigstoreError} the first check that failed
 */
export async function collectCopied(
  image: PulledImage,
  verifying: Pick<EvidenceOptions, 'trustedRoot' | 'policy'> | undefined,
): Promise<Evidence> {
  const slots = new Map<Digest, Set<string>>();
  const check = async (referrer: Referrer): Promise<Referrer> => {
    const bundle = verifying === undefined ? undefined : await copiedBundle(referrer);
    if (verifying === undefined || bundle === undefined) return referrer;
    const { digest } = referrer.subject;
    const { policy, trustedRoot } = verifying;
    const verified = verifyUnder(policy, { bundle, trustedRoot, artifactDigest: digest });
    refuseRehearsal(verified, referrer.manifest.digest);
    const slot = slotOf(verified);
    if (slot !== undefined) slots.set(digest, (slots.get(digest) ?? new Set()).add(slot));
    return verified.predicateType === undefined ? referrer : { ...referrer, predicateType: verified.predicateType };
  };
  // One at a time: a bundle may have 16 MiB, and the source says how many there are.
  const checkAll = async (level: readonly Referrer[]): Promise<readonly Referrer[]> => {
    const checked: Referrer[] = [];
    for (const referrer of level) checked.push(await check(referrer));
    return checked;
  };
  const referrers = await checkAll(image.referrers);
  const nested: (readonly Referrer[])[] = [];
  for (const level of image.nested) nested.push(await checkAll(level));
  return { referrers, nested, slots };
}

/** Text of the bundle that a referrer claims to be; `undefined` when it claims to be something else. */
async function copiedBundle({ manifest, blobs }: Referrer): Promise<string | undefined> {
  const [layer, ...others] = manifest.layers;
  const isBundle = [manifest.artifactType, layer?.mediaType].includes(SIGSTORE_BUNDLE);
  if (!isBundle) return undefined;
  const source = blobs.find(({ descriptor }) => descriptor.digest === layer?.digest);
  if (source === undefined || others.length > 0) {
    throw new PushError('BUNDLES_INVALID', `Cannot copy ${manifest.digest}: it is a bundle without exactly one layer`, {
      hint: 'Sign the source image again with paved: what is attached there under this digest is no Sigstore bundle',
    });
  }
  return (await readBlob(source, MAX_BUNDLE_BYTES)).toString('utf8');
}

/** Adds what was given to what was found; equal referrers once. */
export function mergeEvidence(one: Evidence, other: Evidence): Evidence {
  const referrers = [...one.referrers, ...other.referrers];
  const slots = new Map(one.slots);
  for (const [digest, found] of other.slots) slots.set(digest, new Set([...(slots.get(digest) ?? []), ...found]));
  return {
    referrers: [...new Map(referrers.map((referrer) => [referrer.manifest.digest, referrer])).values()],
    nested: [...one.nested, ...other.nested],
    slots,
  };
}

/** Read before verification only to find out which manifests to verify the bundle for. */
function manifestsNamedBy(bundle: GivenBundle, manifests: readonly Manifest[]): readonly Manifest[] {
  try {
    const { dsseEnvelope } = parseJson('a bundle', bundle.text, bundleDecoder);
    const { subject } = parseStatement(parseEnvelope(JSON.stringify(dsseEnvelope)).payload);
    return manifests.filter((manifest) => subject.some(({ digest }) => digestSetHas(digest, manifest.digest)));
  } catch (cause) {
    throw new PushError('BUNDLES_INVALID', `Cannot read the statement of "${bundle.path}"`, {
      cause,
      hint: 'Pass bundles-path as sign wrote it, without changes',
    });
  }
}

type Verified = VerifiedBundle | VerifiedKeyBundle;

/** A throw-away key is in no log. */
function verifyUnder(
  policy: IdentityPolicy | KeyPolicy,
  bundle: { readonly bundle: string; readonly trustedRoot: TrustedRoot; readonly artifactDigest: Digest },
): Verified {
  return 'publicKey' in policy
    ? verifyBundle({ ...bundle, policy, transparency: 'off' })
    : verifyBundle({ ...bundle, policy });
}

/** What was only tried must not stand beside an artifact, whoever signed it. */
function refuseRehearsal({ predicateType, statement }: Verified, origin: string): void {
  if (predicateType !== PREDICATE_TYPES.provenance || !isRehearsal(statement?.predicate)) return;
  throw new PushError('REHEARSAL_REFUSED', `Cannot attach "${origin}": it is provenance of a rehearsal`, {
    hint: 'Release through the workflow that releases; a rehearsal leaves nothing to publish',
  });
}

function slotOf(verified: Verified): string | undefined {
  return verified.predicateType === undefined ? undefined : slotOfPredicateType(verified.predicateType);
}

/** Of a key without a timestamp: a rehearsal's, which nobody lists by time. */
const NO_TIME = new Date(0);

function referrerOf(bundle: GivenBundle, manifest: Manifest, verified: Verified): Referrer {
  return buildBundleReferrer({
    bundle: Buffer.from(bundle.text),
    subject: manifestDescriptor(manifest),
    // The time of the signature, not of this push: a rerun makes the same referrer.
    created: (verified.signedAt ?? NO_TIME).toISOString().replace(/\.\d+Z$/, 'Z'),
    ...(verified.predicateType === undefined ? {} : { predicateType: verified.predicateType }),
  });
}

const GROUPS: ReadonlyMap<string, readonly string[]> = new Map([
  ['sbom', ['sbom-cyclonedx', 'sbom-spdx']],
  ['signature-or-provenance', ['signature', 'provenance']],
]);

/**
 * Every requirement has to be met by the artifact and by every manifest below it: an unsigned child of a signed index is unsigned.
 * @throws {PushError} `EVIDENCE_MISSING` with all that is missing, `PUSH_INPUT_INVALID` for an unknown or empty requirement
 */
export function assertEvidence(required: readonly string[], layout: Content, evidence: Evidence): void {
  if (required.length === 0) throw unknownRequirement('it is empty');
  const missing: string[] = [];
  for (const requirement of required) {
    const group = GROUPS.get(requirement) ?? (isPredicateSlot(requirement) ? [requirement] : undefined);
    if (group === undefined) throw unknownRequirement(`"${requirement.slice(0, 60)}" is unknown`);
    for (const { digest } of layout.manifests) {
      if (!group.some((slot) => evidence.slots.get(digest)?.has(slot))) missing.push(`${requirement} for ${digest}`);
    }
  }
  if (missing.length === 0) return;
  throw new PushError(
    'EVIDENCE_MISSING',
    `Cannot tag ${layout.root.digest}: nothing signed says ${missing.join(', ')}`,
    {
      hint: 'Sign the missing statements about exactly these digests, or name fewer in require',
    },
  );
}

function unknownRequirement(state: string): PushError {
  return new PushError('PUSH_INPUT_INVALID', `Cannot use require: ${state}`, {
    hint: 'Use provenance, signature, signature-or-provenance, sbom, sbom-cyclonedx, sbom-spdx, verdict or vsa',
  });
}
