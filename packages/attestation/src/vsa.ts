import { array, type Decoder, integer, literal, object, optional, record, string } from '@paved/json';
import { PREDICATE_TYPES } from './predicate-types.js';
import { readPredicate } from './provenance.js';
import { type ResourceDescriptor, resourceDescriptor } from './resource.js';
import { buildStatement, type Statement, type Subject } from './statement.js';
import { timestamp } from './timestamp.js';

/** Version of the specification that the verified levels are taken from. */
export const SLSA_VERSION = '1.2';

/** Predicate of `https://slsa.dev/verification_summary/v1` (SLSA 1.2, "Verification Summary Attestation"). */
export interface VsaPredicate {
  readonly verifier: { readonly id: string; readonly version?: Readonly<Record<string, string>> };
  readonly timeVerified?: string;
  /** What was asked for, tag included: a verifier that compares it sees an old artifact under a new name. */
  readonly resourceUri: string;
  readonly policy: ResourceDescriptor;
  readonly inputAttestations?: readonly ResourceDescriptor[];
  readonly verificationResult: 'PASSED' | 'FAILED';
  readonly verifiedLevels: readonly string[];
  readonly dependencyLevels?: Readonly<Record<string, number>>;
  readonly slsaVersion?: string;
}

export const vsaPredicate: Decoder<VsaPredicate> = object({
  verifier: object({ id: string, version: optional(record(string)) }),
  timeVerified: optional(timestamp),
  resourceUri: string,
  policy: resourceDescriptor,
  inputAttestations: optional(array(resourceDescriptor)),
  verificationResult: literal('PASSED', 'FAILED'),
  verifiedLevels: array(string),
  dependencyLevels: optional(record(integer)),
  slsaVersion: optional(string),
});

export function buildVsa(subjects: readonly Subject[], predicate: VsaPredicate): Statement<VsaPredicate> {
  return buildStatement({ predicateType: PREDICATE_TYPES.vsa, subjects, predicate });
}

/** @throws {AttestationError} `PREDICATE_TYPE_UNKNOWN` for another type, `PREDICATE_MALFORMED` with the field as cause */
export function parseVsa(statement: Statement): Statement<VsaPredicate> {
  return { ...statement, predicate: readPredicate(statement, PREDICATE_TYPES.vsa, vsaPredicate) };
}
