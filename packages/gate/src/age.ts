import { GateError, type GateErrorCode } from './error.js';

/** RFC 3339 time as milliseconds since 1970. @throws {GateError} `code` */
export function parseTime(what: string, text: string, code: GateErrorCode): number {
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time)) return time;
  throw new GateError(code, `Cannot date ${what}: "${text.slice(0, 60)}" is not a time`);
}

/**
 * Holds the age of evidence at `asOf` to a limit. What is newer than `asOf` (an old decision repeated with today's copy) is not
 * too old; the verdict records both times.
 * @throws {GateError} `code` when older than `maxAgeMs`
 */
export function assertFresh(
  what: string,
  modifiedAt: string,
  limits: { readonly asOf: string; readonly maxAgeMs: number },
  code: 'DATABASE_STALE' | 'KEV_STALE' | 'EPSS_STALE' | 'REPORT_STALE',
): void {
  const ageMs = parseTime('the decision', limits.asOf, code) - parseTime(what, modifiedAt, code);
  if (ageMs <= limits.maxAgeMs) return;
  const hours = (ms: number) => `${Math.floor(ms / 3_600_000)} h`;
  const state = `it was ${hours(ageMs)} old at ${limits.asOf}, the limit is ${hours(limits.maxAgeMs)}`;
  throw new GateError(code, `Cannot use ${what}: ${state}`, { hint: 'Refresh it, or raise max-age if that is meant' });
}
