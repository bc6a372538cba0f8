import type { TrustDocument } from '@paved/attestation';
import { type Digest, sha256 } from '@paved/digest';
import type { IdentityPolicy } from '@paved/sigstore';
import { VerifyError } from './error.js';

/** What of a trust document decides; the digest covers the rest. */
export interface Trust {
  readonly sha256: Digest;
  readonly sequence: number;
  /** Commit to reason. */
  readonly revoked: Readonly<Record<string, string>>;
}

export function trustOf(document: TrustDocument, text: string): Trust {
  const revoked = document.commits.filter(({ status }) => status === 'revoked');
  return {
    sha256: sha256(text),
    sequence: document.sequence,
    revoked: Object.fromEntries(revoked.map(({ commit, reason }) => [commit, reason ?? ''])),
  };
}

/**
 * The document must speak of this workflow, and of every commit that is named beside it: a commit that it does not know may have been
 * revoked in a later one.
 * @throws {VerifyError} `INPUT_INVALID`
 */
export function assertTrusts(document: TrustDocument, identity: IdentityPolicy): void {
  const named = document.identities.some(
    ({ issuer, workflowPath }) => issuer === identity.issuer && workflowPath === identity.workflowPath,
  );
  if (!named) {
    throw new VerifyError('INPUT_INVALID', `Cannot use trust: it does not name ${identity.workflowPath}`, {
      hint: 'Give the trust.json of the platform whose workflow signed, and its issuer',
    });
  }
  const known = new Set(document.commits.map(({ commit }) => commit));
  const unknown = identity.signerDigests.filter((commit) => !known.has(commit));
  if (unknown.length === 0) return;
  throw new VerifyError('INPUT_INVALID', `Cannot use signer-digests: trust does not know ${unknown.join(', ')}`, {
    hint: 'Leave signer-digests empty, or fetch the current trust.json',
  });
}
