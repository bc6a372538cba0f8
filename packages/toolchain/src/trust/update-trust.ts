import {
  parseTrust,
  TRUST_MEDIA_TYPE,
  type TrustDocument,
  type TrustedCommit,
  type TrustedIdentity,
} from '@paved/attestation';
import { ToolchainError } from '../error.js';

/** A change of what is trusted: a commit is released under a version, or revoked with the reason. */
export type TrustChange =
  | { readonly $case: 'release'; readonly commit: string; readonly version: string }
  | { readonly $case: 'revoke'; readonly commit: string; readonly reason: string };

const VERSION = /^v\d+\.\d+\.\d+$/;

/** The document before the first release: the identities, and no commit that may sign. */
export function emptyTrust(identities: readonly TrustedIdentity[], at: string): TrustDocument {
  return { mediaType: TRUST_MEDIA_TYPE, sequence: 0, updatedAt: at, identities, commits: [] };
}

/**
 * The next document. Commits are never removed, a revoked one is never released again, and neither a commit nor a version is
 * released twice: what a reader has seen stays true.
 * @param at RFC 3339
 * @throws {ToolchainError} `TRUST_REFUSED`
 */
export function updateTrust(trust: TrustDocument, change: TrustChange, at: string): TrustDocument {
  if (Date.parse(at) < Date.parse(trust.updatedAt)) throw refused(change.commit, `${at} is before the last change`);
  const known = trust.commits.find(({ commit }) => commit === change.commit);
  const commits =
    change.$case === 'release'
      ? [...trust.commits, releaseEntry(trust, known, change, at)]
      : trust.commits.map((entry) => (entry === known ? revokeEntry(entry, change.reason, at) : entry));
  if (change.$case === 'revoke' && known === undefined) throw refused(change.commit, 'it was never released');
  const next = { ...trust, sequence: trust.sequence + 1, updatedAt: at, commits };
  return parseTrust(trustText(next));
}

export function trustText(trust: TrustDocument): string {
  return `${JSON.stringify(trust, null, 2)}\n`;
}

function releaseEntry(
  trust: TrustDocument,
  known: TrustedCommit | undefined,
  { commit, version }: { readonly commit: string; readonly version: string },
  at: string,
): TrustedCommit {
  if (known !== undefined) throw refused(commit, `it is ${known.status} already`);
  if (!VERSION.test(version)) throw refused(commit, `"${version}" is not vX.Y.Z`);
  if (trust.commits.some((entry) => entry.version === version)) throw refused(commit, `${version} is another commit`);
  return { commit, status: 'released', since: at, version };
}

function revokeEntry(entry: TrustedCommit, reason: string, at: string): TrustedCommit {
  if (entry.status === 'revoked') throw refused(entry.commit, 'it is revoked already');
  if (reason.trim() === '') throw refused(entry.commit, 'a revocation needs a reason');
  return { ...entry, status: 'revoked', since: at, reason };
}

function refused(commit: string, state: string): ToolchainError {
  return new ToolchainError('TRUST_REFUSED', `Cannot change the trust in "${commit}": ${state}`, {
    hint: 'Use "npm run trust -- release COMMIT vX.Y.Z" or "npm run trust -- revoke COMMIT REASON"',
  });
}
