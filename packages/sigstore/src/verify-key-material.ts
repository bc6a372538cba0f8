import { SigstoreError } from './error.js';
import { type KeyPolicy, readPolicyKey } from './key-policy.js';
import type { TrustedRoot } from './trusted-root.js';
import { type ContentOptions, contentUnderKey } from './verify/bundle-content.js';
import { earliest, readTimes } from './verify/bundle-times.js';
import { WHOLE_BUNDLE } from './verify/cures.js';
import { verifyLogEntries } from './verify/verify-log-entries.js';
import { verifyTimestamps } from './verify/verify-timestamps.js';
import { assertLogged, type Transparency } from './verify-material.js';

export interface KeyMaterialOptions extends ContentOptions {
  readonly trustedRoot: TrustedRoot;
  /** What the timestamps are about instead of the signature; the caller knows that it holds the signature. */
  readonly timestamped?: Uint8Array;
  readonly policy: KeyPolicy;
  readonly transparency: Transparency;
}

export interface VerifiedKeyMaterial {
  readonly hint: string;
  /** Absent when neither a timestamp authority nor a log's promise says when. */
  readonly signedAt?: Date;
  readonly logged: boolean;
}

/**
 * Verifies a bundle under the policy's key: signature, timestamps, the key's time of validity and log entries.
 * @throws {SigstoreError} one code per failed check
 */
export function verifyKeyMaterial(options: KeyMaterialOptions): VerifiedKeyMaterial {
  const { bundle, trustedRoot, policy, timestamped, transparency } = options;
  const { publicKey, algorithm } = readPolicyKey(policy);
  const { content: material, tlogEntries } = bundle.verificationMaterial;
  if (material.$case !== 'publicKey') {
    throw new SigstoreError('KEY_MISMATCH', 'Cannot verify the bundle under a key: it was signed with a certificate', {
      hint: 'Verify it under an identity policy',
    });
  }
  assertLogged(bundle, transparency);
  const { timestamps, times } = readTimes(bundle);
  const content = contentUnderKey(options, algorithm);
  const { tlogs, timestampAuthorities } = trustedRoot.material;
  const isBounded = policy.validFrom !== undefined || policy.validUntil !== undefined;
  if (isBounded && times.length === 0) {
    throw new SigstoreError('TIMESTAMP_MISSING', 'Cannot accept the bundle: nothing signed says when it was made', {
      hint: WHOLE_BUNDLE,
    });
  }
  if (!content.isSignedBy(publicKey)) {
    throw new SigstoreError('SIGNATURE_INVALID', 'Cannot verify the bundle under the key: it signed something else', {
      hint: WHOLE_BUNDLE,
    });
  }
  verifyTimestamps(timestamps, timestamped ?? content.signature, timestampAuthorities);
  assertValidThen(policy, times);
  const signer = publicKey.export({ format: 'der', type: 'spki' });
  const signedAt = earliest(times);
  verifyLogEntries({ bundle, content, signer }, tlogs, signedAt);
  const { hint } = material.publicKey;
  return { hint, logged: tlogEntries.length > 0, ...(signedAt === undefined ? {} : { signedAt }) };
}

function assertValidThen({ validFrom, validUntil }: KeyPolicy, times: readonly Date[]): void {
  if (times.every((time) => (validFrom ?? time) <= time && time <= (validUntil ?? time))) return;
  throw new SigstoreError('KEY_NOT_VALID_THEN', 'Cannot accept the bundle: its key was not valid when it was signed', {
    hint: 'Verify under the key that was in use then',
  });
}
