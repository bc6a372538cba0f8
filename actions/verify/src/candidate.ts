import { digestSetHas, parseEnvelope, parseStatement, type Statement } from '@paved/attestation';
import type { Digest } from '@paved/digest';
import { object, parseJson, unknown } from '@paved/json';

/** A bundle that was found; nothing in it is trusted yet. */
export interface Candidate {
  /** Path or digest, for messages. */
  readonly origin: string;
  readonly text: string;
}

const envelopeOf = object({ dsseEnvelope: unknown });

/** What the bundle says before it is verified; only to choose which bundles to verify for what. */
export function claimedStatement(candidate: Candidate): Statement | undefined {
  try {
    const { dsseEnvelope } = parseJson('a bundle', candidate.text, envelopeOf);
    return parseStatement(parseEnvelope(JSON.stringify(dsseEnvelope)).payload);
  } catch {
    return undefined;
  }
}

export function claimsToBeAbout(statement: Statement | undefined, digest: Digest): boolean {
  return statement?.subject.some((subject) => digestSetHas(subject.digest, digest)) ?? false;
}
