import {
  array,
  type Decoder,
  nullable,
  object,
  optional,
  parseJson,
  record,
  refine,
  string,
  unknown,
} from '@paved/json';
import { advisoryId } from './advisory-id.js';
import { scoresOf } from './cvss-scores.js';
import { GateError } from './error.js';
import type { CvssScore } from './raw-finding.js';
import { type Severity, severityOfScore, severityOfWord, worst } from './severity.js';

const MAX_TEXT = 300;

/** Absent, `null` and `[]` are the same in published databases. */
function list<T>(item: Decoder<T>): Decoder<readonly T[]> {
  return refine(optional(nullable(array(item))) as Decoder<readonly T[] | null | undefined>, (items) => items ?? []);
}

const identifier = refine(string, (text) => {
  if (/^[\x21-\x7e]{1,200}$/.test(text)) return advisoryId(text);
  throw new GateError('ADVISORY_MALFORMED', 'an id is empty, too long or has blanks');
});

const event = object({
  introduced: optional(string),
  fixed: optional(string),
  last_affected: optional(string),
  limit: optional(string),
});
const severity = object({ type: string, score: string });
const affected = object({
  package: optional(object({ ecosystem: string, name: string })),
  ranges: list(object({ type: string, events: list(event) })),
  versions: list(string),
  severity: list(severity),
  ecosystem_specific: optional(nullable(record(unknown))),
  database_specific: optional(nullable(record(unknown))),
});

/** The members of an OSV record (schema 1.7) that decide; everything else is dropped. */
export const osvRecord = object({
  id: identifier,
  modified: string,
  published: optional(string),
  withdrawn: optional(nullable(string)),
  aliases: list(identifier),
  summary: optional(nullable(string)),
  affected: list(affected),
  severity: list(severity),
  database_specific: optional(nullable(record(unknown))),
});

export type OsvRecord = ReturnType<typeof osvRecord>;
export type OsvAffected = OsvRecord['affected'][number];
export type OsvEvent = ReturnType<typeof event>;

/** @throws {GateError} `ADVISORY_MALFORMED` naming `what` */
export function parseOsvRecord(what: string, text: string): OsvRecord {
  try {
    return parseJson(what, text, osvRecord);
  } catch (cause) {
    throw new GateError('ADVISORY_MALFORMED', `Cannot read advisory ${what}: it is not an OSV record`, { cause });
  }
}

/** One line of hostile text, cut; escaping is the writer's duty. */
export function titleOf(entry: OsvRecord): string {
  return [...(entry.summary ?? '')].slice(0, MAX_TEXT).join('').replaceAll(/\s+/g, ' ').trim();
}

/** Malicious packages are critical whatever their record says or leaves out (ossf/malicious-packages uses `MAL-`). */
export function isMalware(entry: OsvRecord): boolean {
  return entry.id.startsWith('MAL-') || entry.aliases.some((alias) => alias.startsWith('MAL-'));
}

/** What a record says of its severity, and the vectors where these alone say it. */
export interface OsvSeverity {
  readonly severity: Severity;
  readonly cvss?: readonly CvssScore[];
}

/**
 * The database's own word first, then the CVSS vectors (2.0 to 4.0) of the record and of the affected package, the worst of them. A
 * vector that is broken judges nothing.
 */
export function judgementOf(entry: OsvRecord, part: OsvAffected | undefined): OsvSeverity {
  if (isMalware(entry)) return { severity: 'critical' };
  const words = [entry.database_specific, part?.database_specific, part?.ecosystem_specific]
    .map((specific) => specific?.severity)
    .map((word) => (typeof word === 'string' ? severityOfWord(word) : undefined))
    .filter((word) => word !== undefined);
  if (words.length > 0) return { severity: worst(words) };
  const stated =
    part === undefined || part.severity.length === 0 ? entry.severity : [...entry.severity, ...part.severity];
  const cvss = scoresOf(stated.filter(({ type }) => type.startsWith('CVSS_')).map(({ score }) => score));
  const [highest] = cvss;
  return highest === undefined ? { severity: 'unknown' } : { severity: severityOfScore(highest.score), cvss };
}

/** The severity alone. */
export function severityOf(entry: OsvRecord, part: OsvAffected | undefined): Severity {
  return judgementOf(entry, part).severity;
}
