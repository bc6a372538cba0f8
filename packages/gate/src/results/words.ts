import type { ReportedFinding } from './reported.js';

// Control characters, separators, zero-width and bidirectional marks: what can hide or reorder text, or end a line.
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** Text of others on one line of at most `max` characters, without what hides or reorders; markup is the writer's business. */
export function oneLine(text: string, max: number): string {
  const line = text.replaceAll(/\s+/g, ' ').replaceAll(INVISIBLE, '\u{fffd}').trim();
  return line.length <= max ? line : `${line.slice(0, max - 1).toWellFormed()}…`;
}

/** Why a finding has the effect that it has, in one clause without markup. */
export function plainReason({ suppressedBy, kev, kind, rule, action, mode }: ReportedFinding): string {
  if (suppressedBy !== undefined) return `suppressed by ${suppressedBy.by}`;
  if (kev !== undefined) return `exploited (KEV since ${kev.dateAdded})`;
  if (kind === 'malware') return 'malicious package';
  return mode === 'audit' ? `${rule}: would ${action}` : `${rule}: ${action}`;
}

/** `name 1.2.3`, or where it is when it is in no package. */
export function placeOf({ package: found, locations }: ReportedFinding): string {
  if (found !== undefined) return `${found.name} ${found.versions.join(', ')}`.trim();
  const [first] = locations;
  if (first === undefined) return 'no package';
  return first.line === undefined ? first.path : `${first.path}:${first.line}`;
}
