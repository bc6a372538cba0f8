import type { Digest } from '@paved/digest';
import type { IdentityPolicy, VerifiedBundle, VerifiedKeyBundle } from '@paved/sigstore';
import type { PolicyKey } from './policy-keys.js';

/** Who may have signed: a whole identity, or a key, of which nobody says who holds it. */
export type Signer = IdentityPolicy | PolicyKey;

/** A bundle that verified under a key of the policy. */
export type KeyBundle = VerifiedKeyBundle & {
  /** SHA-256 of the key that verified it. */
  readonly key: Digest;
};

/** A bundle that verified under who may have signed. */
export type CountedBundle = VerifiedBundle | KeyBundle;

/** Latest first; what nothing verified dates comes last. */
export function byLatest(a: CountedBundle, b: CountedBundle): number {
  return (b.signedAt?.getTime() ?? 0) - (a.signedAt?.getTime() ?? 0);
}
