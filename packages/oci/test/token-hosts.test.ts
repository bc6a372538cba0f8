import { describe, expect, test } from '@jest/globals';
import { parseRegistryHost, parseTokenHosts } from '../src/index.js';

const [A, B] = ['a.example', 'b.example:5000'].map(parseRegistryHost) as [
  ReturnType<typeof parseRegistryHost>,
  ReturnType<typeof parseRegistryHost>,
];

describe('token hosts', () => {
  test.each([
    ['of one registry each', ['a.example=auth.a', 'b.example:5000=auth.b:8443'], [['auth.a'], ['auth.b:8443']]],
    ['several of one registry', ['a.example=x.example', 'a.example = y.example'], [['x.example', 'y.example'], []]],
    ['of a registry that is not asked', ['c.example=auth.c', 'b.example=auth.b'], [[], []]],
    ['none', [], [[], []]],
  ])('%s', (_name, entries, expected) => {
    const hosts = parseTokenHosts(entries, [A, B]);
    expect([hosts.get(A), hosts.get(B)]).toEqual(expected);
  });

  test.each([
    ['the only registry', [A], ['auth.example']],
    ['one registry with several repositories', [A, A], ['auth.example']],
    ['no registry', [], undefined],
  ])('a host alone is for %s', (_name, registries, expected) => {
    expect(parseTokenHosts(['auth.example'], registries).get(A)).toEqual(expected);
  });

  test('a host alone is refused beside several registries', () => {
    expect(() => parseTokenHosts(['a.example=auth.a', 'auth.example'], [A, B])).toThrow(
      expect.objectContaining({ code: 'TOKEN_HOST_AMBIGUOUS' }),
    );
  });

  test.each([
    '=auth.example',
    'a.example=',
    'a.example=b=auth.example',
    'a.example=https://auth.example',
    'a.example/octo=auth.example',
    '*=auth.example',
    'A.example=auth.example',
    '',
  ])('%j is refused, also where nothing is asked', (entry) => {
    for (const registries of [[A, B], [A], []]) {
      expect(() => parseTokenHosts([entry], registries)).toThrow(
        expect.objectContaining({ code: 'REFERENCE_INVALID' }),
      );
    }
  });
});
