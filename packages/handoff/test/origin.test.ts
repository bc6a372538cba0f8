import { describe, expect, test } from '@jest/globals';
import { assertFresh, formatOrigin, parseOrigin } from '@paved/handoff';

const AT = new Date('2026-03-01T12:00:00.000Z');
const HOUR = 3_600_000;
const ORIGIN = { runId: '17', attempt: 1, at: AT };

function fresh(change: Partial<typeof ORIGIN>, ageMs: number, attempt = 2): void {
  const now = new Date(AT.getTime() + ageMs);
  assertFresh({ ...ORIGIN, ...change }, { runId: '17', attempt, now, maxAgeMs: 24 * HOUR });
}

describe('the origin of a hand-over', () => {
  test('survives an output', () => {
    expect(formatOrigin(ORIGIN)).toBe('17/1/2026-03-01T12:00:00.000Z');
    expect(parseOrigin(formatOrigin(ORIGIN))).toEqual(ORIGIN);
  });

  test.each([
    '',
    '17/1',
    '17/0/2026-03-01T12:00:00.000Z',
    '0/1/2026-03-01T12:00:00.000Z',
    '17/1/2026-13-01T12:00:00.000Z',
    '17/1/2026-03-01T12:00:00+02:00',
    ' 17/1/2026-03-01T12:00:00.000Z',
    '17/1/2026-03-01T12:00:00.000Z\n',
    '17/1/now',
  ])('%j is none', (text) => {
    expect(() => parseOrigin(text)).toThrow(expect.objectContaining({ code: 'HANDOFF_ORIGIN_INVALID' }));
  });

  test('of an earlier attempt is good until the limit, to the millisecond', () => {
    expect(() => fresh({}, 24 * HOUR)).not.toThrow();
    expect(() => fresh({}, 24 * HOUR + 1)).toThrow(
      expect.objectContaining({ code: 'HANDOFF_STALE', hint: expect.stringContaining('Re-run all jobs') }),
    );
  });

  test('of the same attempt is no better: the job may have waited for its approval', () => {
    expect(() => fresh({}, 48 * HOUR, 1)).toThrow(expect.objectContaining({ code: 'HANDOFF_STALE' }));
  });

  test.each([
    ['another run', { runId: '18' }],
    ['an attempt that has not begun', { attempt: 3 }],
  ])('of %s is refused', (_what, change) => {
    expect(() => fresh(change, HOUR)).toThrow(expect.objectContaining({ code: 'HANDOFF_OTHER_RUN' }));
  });

  test('in the future is refused, but for the difference of two clocks', () => {
    expect(() => fresh({}, -60_000)).not.toThrow();
    expect(() => fresh({}, -HOUR)).toThrow(expect.objectContaining({ code: 'HANDOFF_ORIGIN_INVALID' }));
  });
});
