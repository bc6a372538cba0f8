import { type Digest, digestHex } from '@paved/digest';
import { type Decoder, record, refine, string } from '@paved/json';
import { AttestationError } from './error.js';

/** Algorithm to lower-case hex (in-toto attestation v1, "DigestSet"); never empty. */
export type DigestSet = Readonly<Record<string, string>>;

const HEX = /^[0-9a-f]+$/;
/** Lengths in hex digits; a git object id is SHA-1 or, in a SHA-256 repository, SHA-256. */
const LENGTHS: Readonly<Record<string, readonly number[]>> = {
  sha1: [40],
  sha224: [56],
  sha256: [64],
  sha384: [96],
  sha512: [128],
  gitCommit: [40, 64],
  gitTree: [40, 64],
  gitBlob: [40, 64],
  gitTag: [40, 64],
};

export function digestSetOf(digest: Digest): DigestSet {
  return { [digest.slice(0, digest.indexOf(':'))]: digestHex(digest) };
}

/** True when `set` names `digest` under its own algorithm; other algorithms in the set do not count. */
export function digestSetHas(set: DigestSet, digest: Digest): boolean {
  const algorithm = digest.slice(0, digest.indexOf(':'));
  return Object.hasOwn(set, algorithm) && set[algorithm] === digestHex(digest);
}

/** @throws {AttestationError} `SUBJECT_DIGEST_INVALID` for an empty set, upper case, another alphabet or a wrong length */
export function assertDigestSet(what: string, set: DigestSet): void {
  const entries = Object.entries(set);
  if (entries.length === 0) throw invalid(what, 'it has no digest');
  for (const [algorithm, value] of entries) {
    if (!HEX.test(value)) throw invalid(what, `its ${algorithm.slice(0, 20)} digest is not lower-case hexadecimal`);
    const lengths = Object.hasOwn(LENGTHS, algorithm) ? LENGTHS[algorithm] : undefined;
    if (lengths !== undefined && !lengths.includes(value.length)) {
      throw invalid(what, `its ${algorithm} digest has ${value.length} digits, expected ${lengths.join(' or ')}`);
    }
  }
}

function invalid(what: string, state: string): AttestationError {
  return new AttestationError('SUBJECT_DIGEST_INVALID', `Cannot accept ${what}: ${state}`, {
    hint: 'Give digests as lower-case hexadecimal digits of the whole length',
  });
}

/** Decodes and checks a digest set. */
export const digestSet: Decoder<DigestSet> = refine(record(string), (set) => {
  assertDigestSet('a digest set', set);
  return set;
});
