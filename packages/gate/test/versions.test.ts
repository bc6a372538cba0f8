import { describe, expect, test } from '@jest/globals';
import { compareGoVersions, versionOrder } from '@paved/gate';

describe('Go versions', () => {
  // Ascending; each pair of neighbours is one assertion.
  const ascending = [
    'v0.0.0-20160722212129-ac0cc4484ad4',
    'v0.0.0-20200131131040-063a3fb69896',
    'v0.0.1',
    'v1.0.0-alpha',
    'v1.0.0-alpha.1',
    'v1.0.0-alpha.beta',
    'v1.0.0-beta.2',
    'v1.0.0-beta.11',
    'v1.0.0-rc.1',
    'v1.0.0-rc8',
    'v1.0.0-rc8.0.20190930145003-cad42f6e0932',
    'v1.0.0',
    'v1.0.1-0.20180525145409-4c9aadca8f89',
    'v1.0.1',
    'v1.9.0',
    'v1.10.0',
    'v2.7.0-rc.0+incompatible',
    'v2.7.0+incompatible',
    'v3.0.0',
    `v${'9'.repeat(30)}.0.0`,
  ];
  test.each(ascending.slice(1).map((version, index) => [ascending[index] ?? '', version]))('%s < %s', (a, b) => {
    expect(compareGoVersions(a, b)).toBeLessThan(0);
    expect(compareGoVersions(b, a)).toBeGreaterThan(0);
  });

  test.each([
    ['1.2.3', 'v1.2.3'],
    ['v1.2.3', 'v1.2.3+incompatible'],
    ['go1.21', '1.21.0'],
    ['go1.21.3 X:boringcrypto', '1.21.3'],
    ['v1', 'v1.0.0'],
    ['go1.21rc2', '1.21.0-rc.2'],
  ])('%s = %s', (a, b) => {
    expect(compareGoVersions(a, b)).toBe(0);
  });

  test.each(['', 'latest', '(devel)', '1.2.3.4', 'v1.2.x'])('"%s" has no place in the order', (version) => {
    expect(() => compareGoVersions(version, '1.0.0')).toThrow(expect.objectContaining({ code: 'VERSION_INVALID' }));
  });
});

test('npm versions follow semantic versioning', () => {
  const compare = versionOrder('npm');
  expect(compare?.('1.2.10', '1.2.9')).toBeGreaterThan(0);
  expect(compare?.('1.0.0-rc.1', '1.0.0')).toBeLessThan(0);
  expect(compare?.('v1.0.0', '1.0.0+build')).toBe(0);
  expect(() => compare?.('1.x', '1.0.0')).toThrow(expect.objectContaining({ code: 'VERSION_INVALID' }));
});

test.each(['NuGet', 'npm2', 'constructor', '__proto__'])('has no order for %s', (ecosystem) => {
  expect(versionOrder(ecosystem)).toBeUndefined();
});
