import { describe, expect, test } from '@jest/globals';
import { parseReference, parseRegistryHost, parseRepositoryName, parseTag, referenceText } from '../src/index.js';

const DIGEST = `sha256:${'a'.repeat(64)}`;

describe('references', () => {
  test.each([
    `ghcr.io/octo/app@${DIGEST}`,
    'localhost:5000/app:v1.2.3',
    `registry.example.com/a/b__c/d-e:1.0.0@${DIGEST}`,
    '127.0.0.1:8080/a:_x',
    '[::1]:5000/a',
  ])('%s is read and written back', (text) => {
    expect(referenceText(parseReference(text))).toBe(text);
  });

  test.each([
    'app',
    'octo/app:1',
    'https://ghcr.io/octo/app',
    'ghcr.io/octo/app@sha256:abc',
    `ghcr.io/octo/app@${DIGEST}@${DIGEST}`,
    'ghcr.io/Octo/app',
    'ghcr.io/octo//app',
    'ghcr.io/octo/../app',
    'user:pw@ghcr.io/octo/app',
    'ghcr.io:0/app',
    'ghcr.io:99999/app',
    'ghcr.io/app:-x',
    `ghcr.io/app:${'x'.repeat(129)}`,
    `ghcr.io/${'a'.repeat(300)}`,
    'ghcr.io/app\n:1',
  ])('%j is refused', (text) => {
    expect(() => parseReference(text)).toThrow(expect.objectContaining({ name: 'OciError' }));
  });

  test.each([
    '',
    'ghcr.io/',
    'ghcr.io/a',
    'https://ghcr.io',
    'u@ghcr.io',
    'GHCR.IO',
    'ghcr.io:',
    '-a.io',
    'a..b',
    'ghcr.io?x',
  ])('registry %j is refused', (text) => {
    expect(() => parseRegistryHost(text)).toThrow(expect.objectContaining({ code: 'REFERENCE_INVALID' }));
  });

  test.each([
    'evil.example/octo/app',
    'evil.example:443/app',
    'localhost/app',
    'user@evil.example/app',
    '//evil.example/app',
    '/app',
    'octo/app:latest',
    `octo/app@${DIGEST}`,
    'octo%2f..%2fapp',
    'octo\\app',
  ])('repository %j names another place', (text) => {
    expect(() => parseRepositoryName(text)).toThrow(expect.objectContaining({ code: 'REGISTRY_NOT_ALLOWED' }));
  });

  test.each(['', 'Octo', 'octo/', 'octo/..', 'a b', 'octo/app?x=1', 'octo/app#x'])(
    'repository %j is no name',
    (text) => {
      expect(() => parseRepositoryName(text)).toThrow(expect.objectContaining({ name: 'OciError' }));
    },
  );

  test.each(['', '.a', 'a b', 'é', 'x'.repeat(129)])('tag %j is refused', (text) => {
    expect(() => parseTag(text)).toThrow(expect.objectContaining({ code: 'REFERENCE_INVALID' }));
  });

  test.each(['evil.example/app:1', '../x', 'a:b', `1.0.0@${DIGEST}`])('tag %j names another place', (text) => {
    expect(() => parseTag(text)).toThrow(expect.objectContaining({ code: 'REGISTRY_NOT_ALLOWED' }));
  });
});
