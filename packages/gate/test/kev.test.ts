import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parseKev } from '@paved/gate';
import { fixture } from './fixture.js';

const text = fixture('kev/kev.json');
const changed = (change: (catalogue: { count: number; vulnerabilities: Record<string, unknown>[] }) => void) => {
  const copy = JSON.parse(text);
  change(copy);
  return JSON.stringify(copy);
};

test('reads the catalogue', () => {
  const catalogue = parseKev(text);
  expect(catalogue).toMatchObject({ version: '2025.08.25', released: '2025-08-25T17:04:19.9796Z' });
  expect(catalogue.entries.get('CVE-2020-0601')).toEqual({
    cve: 'CVE-2020-0601',
    dateAdded: '2021-11-03',
    dueDate: '2020-01-29',
    ransomware: false,
  });
});

const full = join(process.cwd(), '..', 'shared', 'fixtures', 'kev');
(existsSync(full) ? test : test.skip)(
  'reads the whole published catalogue (skipped without the shared fixtures)',
  () => {
    const { files } = JSON.parse(readFileSync(join(full, 'expected.json'), 'utf8'));
    const name = 'known_exploited_vulnerabilities.json';
    const { entries } = parseKev(readFileSync(join(full, name), 'utf8'));
    expect(entries.size).toBe(files[name].count);
    const contains = Object.fromEntries(Object.keys(files[name].contains).map((cve) => [cve, entries.has(cve)]));
    expect(contains).toEqual(files[name].contains);
    const known = [...entries.values()].filter(({ ransomware }) => ransomware);
    expect(known).toHaveLength(files[name].ransomware.Known);
  },
);

test.each<[string, string, string]>([
  ['an empty file', '', 'KEV_MALFORMED'],
  ['a truncated file', text.slice(0, -4), 'KEV_MALFORMED'],
  ['a catalogue with one entry less', changed((c) => c.vulnerabilities.pop()), 'KEV_COUNT_MISMATCH'],
  ['a catalogue that counts wrong', changed((c) => (c.count += 1)), 'KEV_COUNT_MISMATCH'],
  ['an entry twice', changed((c) => (c.vulnerabilities[1] = c.vulnerabilities[0] ?? {})), 'KEV_COUNT_MISMATCH'],
  [
    'a CVE of another form',
    changed((c) => Object.assign(c.vulnerabilities[0] ?? {}, { cveID: 'CVE-1' })),
    'KEV_MALFORMED',
  ],
  ['an entry without due date', changed((c) => delete c.vulnerabilities[0]?.dueDate), 'KEV_MALFORMED'],
])('refuses %s', (_what, document, code) => {
  expect(() => parseKev(document)).toThrow(expect.objectContaining({ code }));
});
