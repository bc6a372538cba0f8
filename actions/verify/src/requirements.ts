import { assertPredicateSlot, type PredicateSlot } from '@paved/attestation';
import { VerifyError } from './error.js';

export interface Requirements {
  readonly require: readonly PredicateSlot[];
  readonly maxAgeMs: Readonly<Partial<Record<PredicateSlot, number>>>;
}

const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/**
 * Reads lines as `provenance` or `provenance<=30d`.
 * @throws {VerifyError} `INPUT_INVALID` when nothing is required or an age is not one; {AttestationError} `PREDICATE_TYPE_UNKNOWN`
 */
export function parseRequirements(lines: readonly string[]): Requirements {
  const maxAgeMs: Partial<Record<PredicateSlot, number>> = {};
  const slots = lines.map((line) => {
    const [name = '', age, ...more] = line.split('<=').map((part) => part.trim());
    if (/[<>=:]/.test(name)) throw invalidAge(line);
    const slot = assertPredicateSlot(name);
    if (age !== undefined) {
      const limit = more.length === 0 ? ageMs(age) : Number.NaN;
      if (Number.isNaN(limit)) throw invalidAge(line);
      maxAgeMs[slot] = Math.min(limit, maxAgeMs[slot] ?? limit);
    }
    return slot;
  });
  if (slots.length > 0) return { require: [...new Set(slots)], maxAgeMs };
  throw new VerifyError('INPUT_INVALID', 'Cannot verify: require names nothing', {
    hint: 'Name at least one of provenance, sbom-cyclonedx, sbom-spdx, verdict, signature, vsa',
  });
}

function ageMs(text: string): number {
  const [, count, unit = ''] = /^([1-9][0-9]{0,5})([mhdw])$/.exec(text) ?? [];
  return Number(count) * (UNIT_MS[unit] ?? Number.NaN);
}

function invalidAge(line: string): VerifyError {
  return new VerifyError('INPUT_INVALID', `Cannot read requirement "${line.slice(0, 80)}": its age is not one`, {
    hint: 'Write <= and a number of minutes, hours, days or weeks: provenance<=30d',
  });
}
