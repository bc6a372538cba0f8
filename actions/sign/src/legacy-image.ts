import type { Digest } from '@paved/digest';
import type { BundleSigner } from '@paved/sigstore';
import { type LegacyLayer, legacyAttestation, legacySignature, simpleSigningPayload } from './legacy-layers.js';
import { type SelfVerification, signPayload } from './sign-all.js';
import type { SignedItem } from './write-bundles.js';

/** What belongs under one legacy tag. */
export interface LegacyTag {
  readonly subject: Digest;
  readonly suffix: LegacyLayer['suffix'];
  readonly layers: readonly LegacyLayer[];
}

export interface LegacyImage {
  /** What gets a signature. */
  readonly digests: readonly Digest[];
  /** The image and every manifest below it, about which there may be attestations. */
  readonly below: readonly Digest[];
  readonly name: string;
  readonly items: readonly SignedItem[];
}

/**
 * A signature over the older payload for each manifest, by the same session, and the envelopes that are about them as they are.
 * Verified before anything of it leaves this machine.
 */
export async function legacyLayers(
  signer: BundleSigner,
  { digests, below, name, items }: LegacyImage,
  verification: SelfVerification,
): Promise<readonly LegacyTag[]> {
  const signatures = digests.map(async (subject): Promise<LegacyTag> => {
    const payload = simpleSigningPayload(name, subject);
    const layer = legacySignature(payload, await signPayload(signer, payload, verification));
    return { subject, suffix: 'sig', layers: [layer] };
  });
  return [...(await Promise.all(signatures)), ...(await attestations(signer, below, items))];
}

async function attestations(
  signer: BundleSigner,
  digests: readonly Digest[],
  items: readonly SignedItem[],
): Promise<readonly LegacyTag[]> {
  const tags = digests.map(async (subject): Promise<LegacyTag> => {
    const about = items.filter(
      ({ slot, content, subjects }) =>
        content === 'dsse' && slot !== 'signature' && subjects.some(({ digest }) => digest === subject),
    );
    const layers = about.map(({ bundle, predicateType = '' }) =>
      legacyAttestation(bundle, predicateType, (bytes) => signer.timestamp(bytes)),
    );
    return { subject, suffix: 'att', layers: await Promise.all(layers) };
  });
  return (await Promise.all(tags)).filter(({ layers }) => layers.length > 0);
}
