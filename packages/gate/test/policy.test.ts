import { describe, expect, test } from '@jest/globals';
import { DEFAULT_POLICY, mergeFloor, parsePolicy } from '@paved/gate';

const exception = {
  id: 'CVE-2024-1',
  package: 'pkg:npm/p',
  owner: '@octo/web',
  reason: 'not reachable',
  created: '2025-01-01',
  expires: '2025-02-01',
};

test('an empty policy is the default', () => {
  expect(parsePolicy({ version: 1 })).toEqual(DEFAULT_POLICY);
});

test.each<[string, unknown]>([
  ['null', null],
  ['another version', { version: 2 }],
  ['an unknown key', { version: 1, treshholds: {} }],
  ['an unknown severity', { version: 1, thresholds: { severe: 'block' } }],
  ['an unknown action', { version: 1, thresholds: { high: 'ignore' } }],
  ['a threshold with an unknown key', { version: 1, thresholds: { high: { protected: 'block', others: 'warn' } } }],
  ['KEV in audit mode', { version: 1, modes: { kev: 'audit' } }],
  ['an exception without owner', { version: 1, exceptions: [{ ...exception, owner: undefined }] }],
  ['an exception without reason', { version: 1, exceptions: [{ ...exception, reason: '' }] }],
  ['an exception for no package', { version: 1, exceptions: [{ ...exception, package: '*' }] }],
  ['an exception that lasts too long', { version: 1, exceptions: [{ ...exception, expires: '2026-01-01' }] }],
  ['an exception that ends before it begins', { version: 1, exceptions: [{ ...exception, expires: '2024-12-31' }] }],
  ['a date that does not exist', { version: 1, exceptions: [{ ...exception, expires: '2025-02-30' }] }],
  ['a KEV waiver that names no CVE', { version: 1, exceptions: [{ ...exception, id: 'GHSA-aaaa', kev: true }] }],
  ['an endless maximum', { version: 1, 'exceptions-max-days': 10_000 }],
])('refuses %s', (_what, document) => {
  expect(() => parsePolicy(document)).toThrow(expect.objectContaining({ code: 'POLICY_INVALID' }));
});

describe('mergeFloor', () => {
  const floor = parsePolicy({
    version: 1,
    thresholds: { medium: 'warn' },
    environments: { production: { medium: 'block' } },
    'not-checked': { allow: ['purl:generic', 'PyPI'] },
    'exceptions-max-days': 40,
  });

  test('keeps the stricter of both, whoever asks for it', () => {
    const merged = mergeFloor(
      floor,
      parsePolicy({
        version: 1,
        thresholds: { critical: 'trend', high: 'block', medium: 'trend', low: 'warn' },
        modes: { critical: 'audit' },
        'not-checked': { allow: ['npm', 'PyPI'] },
      }),
    );
    expect(merged.thresholds).toMatchObject({
      critical: { protected: 'block', other: 'block' },
      high: { protected: 'block', other: 'block' },
      medium: { protected: 'warn', other: 'warn' },
      low: { protected: 'warn', other: 'warn' },
    });
    expect(merged.modes.critical).toBe('enforce');
    expect(merged.notChecked.allow).toEqual(['PyPI']);
    expect(merged.exceptions.maxDays).toBe(40);
    expect(merged.environments.production?.medium).toEqual({ protected: 'block', other: 'block' });
  });

  test('a rule is in audit mode only when both say so', () => {
    const audit = parsePolicy({ version: 1, modes: { high: 'audit' } });
    expect(mergeFloor(audit, audit).modes.high).toBe('audit');
    expect(mergeFloor(audit, DEFAULT_POLICY).modes.high).toBe('enforce');
    expect(mergeFloor(DEFAULT_POLICY, audit).modes.high).toBe('enforce');
  });

  test('refuses an exception that outlasts the floor', () => {
    const long = parsePolicy({ version: 1, exceptions: [{ ...exception, expires: '2025-03-01' }] });
    expect(() => mergeFloor(floor, long)).toThrow(expect.objectContaining({ code: 'POLICY_INVALID' }));
  });
});
