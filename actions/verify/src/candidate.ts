import { digestSetHas, parseEnvelope, parseSignedStatement, type Statement } from '@paved/attestation';
import type { Digest } from '@paved/digest';
import { object, parseJson, unknown } from '@paved/json';
import { parseSimpleSigning } from './simple-signing.js';

/** A bundle that was found; nothing in it is trusted yet. */
export interface Candidate {
  /** Path or digest, for messages. */
  readonly origin: string;
  readonly text: string;
  /** What a legacy image signature covers, instead of a statement. */
  readonly payload?: Uint8Array;
  /** What the timestamp of a legacy attestation is about: its envelope as it was stored. */
  readonly envelope?: Uint8Array;
}

/** What a candidate says before it is verified; only to choose which to verify for what. */
export interface Claimed {
  readonly candidate: Candidate;
  /** Absent when it cannot be read. */
  readonly predicateType?: string;
  readonly isAbout: (digest: Digest) => boolean;
}

const envelopeOf = object({ dsseEnvelope: unknown });

export function readClaimed(candidate: Candidate): Claimed {
  if (candidate.payload !== undefined) {
    const claimed = parseSimpleSigning(candidate.payload);
    return { candidate, isAbout: (digest) => claimed === digest };
  }
  const statement = claimedStatement(candidate);
  if (statement === undefined) return { candidate, isAbout: () => false };
  const isAbout = (digest: Digest) => statement.subject.some((subject) => digestSetHas(subject.digest, digest));
  return { candidate, predicateType: statement.predicateType, isAbout };
}

function claimedStatement(candidate: Candidate): Statement | undefined {
  try {
    const { dsseEnvelope } = parseJson('a bundle', candidate.text, envelopeOf);
    return parseSignedStatement(parseEnvelope(JSON.stringify(dsseEnvelope)).payload);
  } catch {
    return undefined;
  }
}
