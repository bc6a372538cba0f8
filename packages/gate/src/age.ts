import { GateError, type GateErrorCode } from './error.js';

/** RFC 3339 time as milliseconds since 1970. @throws {GateError} `code` */
export function parseTime(what: string, text: string, code: GateErrorCode): number {
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time)) return time;
  throw new GateError(code, `Cannot date ${what}: "${text.slice(0, 60)}" is not a time`);
}

/** Clocks differ, and some feeds are dated by a day that begins earlier elsewhere. */
const DAY_MS = 86_400_000;

/**
 * Holds the age of evidence at `asOf` to a limit. What is newer than `asOf` (an old decision repeated with today's copy) is not
 * too old; the verdict records both times. What says that it is of tomorrow would never be too old, so it is not fresh.
 * @param limits.at the time of this run, RFC 3339
 * @throws {GateError} `code` when older than `maxAgeMs`
 */
export function assertFresh(
  what: string,
  modifiedAt: string,
  limits: { readonly asOf: string; readonly at: string; readonly maxAgeMs: number },
  code: 'DATABASE_STALE' | 'KEV_STALE' | 'EPSS_STALE' | 'REPORT_STALE',
): void {
  const [asOf, at] = [parseTime('the decision', limits.asOf, code), parseTime('the decision', limits.at, code)];
  const modified = parseTime(what, modifiedAt, code);
  if (modified > Math.max(asOf, at) + DAY_MS) {
    throw new GateError(
      code,
      `Cannot use ${what}: it says that it is of ${modifiedAt.slice(0, 60)}, which is to come`,
      {
        hint: 'Get it from its publisher: a copy that is dated ahead hides its age',
      },
    );
  }
  const ageMs = asOf - modified;
  if (ageMs <= limits.maxAgeMs) return;
  const hours = (ms: number) => `${Math.floor(ms / 3_600_000)} h`;
  const state = `it was ${hours(ageMs)} old at ${limits.asOf}, the limit is ${hours(limits.maxAgeMs)}`;
  throw new GateError(code, `Cannot use ${what}: ${state}`, { hint: 'Refresh it, or raise max-age if that is meant' });
}
