import { describe, expect, test } from '@jest/globals';
import { parseFetchManifest } from '@paved/bom';
import { sampleManifest } from './manifest-sample.js';

type Json = Record<string, unknown>;

function changed(change: (manifest: Json & { packages: Json[] }) => void): string {
  const copy = JSON.parse(JSON.stringify(sampleManifest()));
  change(copy);
  return JSON.stringify(copy);
}

describe('parseFetchManifest', () => {
  test('returns exactly what was written', () => {
    expect(parseFetchManifest(JSON.stringify(sampleManifest()))).toEqual(sampleManifest());
  });

  test.each<[string, string, string]>([
    ['an empty file', '', 'JSON_MALFORMED'],
    ['a truncated file', JSON.stringify(sampleManifest()).slice(0, -1), 'JSON_MALFORMED'],
    ['another media type', changed((m) => (m.mediaType = 'application/json')), 'JSON_UNEXPECTED'],
    ['a short sha', changed((m) => (m.source = { repository: 'r', sha: 'abc', path: '' })), 'JSON_UNEXPECTED'],
    [
      'an upper-case digest',
      changed((m) => Object.assign(m.packages[0] ?? {}, { digests: { sha256: 'A'.repeat(64) } })),
      'JSON_UNEXPECTED',
    ],
    ['a negative size', changed((m) => Object.assign(m.packages[0] ?? {}, { size: -1 })), 'JSON_UNEXPECTED'],
    ['a time with an offset', changed((m) => (m.fetchedAt = '2025-09-01T10:00:00+02:00')), 'JSON_UNEXPECTED'],
    [
      'an unknown ecosystem',
      changed((m) => Object.assign(m.packages[0] ?? {}, { ecosystem: 'NuGet' })),
      'JSON_UNEXPECTED',
    ],
    [
      'a purl that is not one',
      changed((m) => Object.assign(m.packages[1] ?? {}, { purl: 'npm/ms@2.1.2' })),
      'JSON_UNEXPECTED',
    ],
    [
      'a purl of another version',
      changed((m) => Object.assign(m.packages[1] ?? {}, { version: '2.1.3' })),
      'FETCH_MANIFEST_INVALID',
    ],
    [
      'a purl of another package',
      changed((m) => Object.assign(m.packages[1] ?? {}, { name: 'mz' })),
      'FETCH_MANIFEST_INVALID',
    ],
    ['a package that is listed twice', changed((m) => m.packages.push(m.packages[0] ?? {})), 'FETCH_MANIFEST_INVALID'],
    ['a dependency that is missing', changed((m) => m.packages.splice(1, 1)), 'FETCH_MANIFEST_INVALID'],
  ])('refuses %s', (_what, text, code) => {
    expect(() => parseFetchManifest(text)).toThrow(expect.objectContaining({ code }));
  });

  test('reads another spelling of a purl as its canonical one', () => {
    const text = changed((m) => Object.assign(m.packages[1] ?? {}, { purl: 'pkg:NPM/ms@2.1.2' }));
    expect(parseFetchManifest(text)).toEqual(sampleManifest());
  });

  test('compares Go module paths without case, as purls lower-case them', () => {
    expect(parseFetchManifest(JSON.stringify(sampleManifest())).packages[3]?.name).toBe('github.com/BurntSushi/toml');
  });
});
