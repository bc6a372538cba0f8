import { AttestationError } from './error.js';

/**
 * What the road signs, by slot. The list is closed: a document whose slot is not here is never put into a statement,
 * and a caller never chooses a predicate type.
 */
export const PREDICATE_TYPES = {
  provenance: 'https://slsa.dev/provenance/v1',
  'sbom-cyclonedx': 'https://cyclonedx.org/bom',
  'sbom-spdx': 'https://spdx.dev/Document/v2.3',
  verdict: 'https://github.com/org/paved/docs/predicates/verdict/v1',
  vsa: 'https://slsa.dev/verification_summary/v1',
  signature: 'https://sigstore.dev/cosign/sign/v1',
} as const;

export type PredicateSlot = keyof typeof PREDICATE_TYPES;
export type PredicateType = (typeof PREDICATE_TYPES)[PredicateSlot];

export const PREDICATE_SLOTS = Object.keys(PREDICATE_TYPES) as readonly PredicateSlot[];

export function isPredicateSlot(text: string): text is PredicateSlot {
  return Object.hasOwn(PREDICATE_TYPES, text);
}

/** `undefined` for every type outside the closed list. */
export function slotOfPredicateType(predicateType: string): PredicateSlot | undefined {
  return PREDICATE_SLOTS.find((slot) => PREDICATE_TYPES[slot] === predicateType);
}

/** @throws {AttestationError} `PREDICATE_TYPE_UNKNOWN` */
export function assertPredicateSlot(text: string): PredicateSlot {
  if (isPredicateSlot(text)) return text;
  throw new AttestationError('PREDICATE_TYPE_UNKNOWN', `Cannot use slot "${text.slice(0, 60)}": it is not known`, {
    hint: `Use one of ${PREDICATE_SLOTS.join(', ')}`,
  });
}
