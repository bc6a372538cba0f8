import { describe, expect, test } from '@jest/globals';
import { parseReport } from '@paved/gate';
import { parseBytes } from '../src/reports/parse-bytes.js';
import { scanBytes } from '../src/reports/scan-bytes.js';

const FILL = 'é"\\{}[],: '.repeat(100);
const entry = (index: number) => ({
  index,
  text: `${FILL}${index}`,
  results: [{ matches: [1, { a: ']' }] }],
  none: null,
});
const ENTRIES = Array.from({ length: 300 }, (_, index) => entry(index));
const LIST = JSON.stringify(ENTRIES);
const parse = (text: string) => parseBytes('"r"', Buffer.from(text)) as Record<string, unknown>;
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
const listsIn = (text: string) => scanBytes(Buffer.from(text), 200).lists.length;

describe('a long list in a report', () => {
  test.each([
    ['alone', `{"matches":${LIST}}`, 1],
    ['with blanks', `{ "matches" :\n\t${LIST.replaceAll('},{', '} ,\r\n {')} , "b": 1 }`, 1],
    ['beside others', `{"a":[{"Vulnerabilities":${LIST}},{"Vulnerabilities":${LIST},"Secrets":${LIST}}]}`, 3],
    ['twice by one name: the last one counts', `{"results":${LIST},"results":[1]}`, 1],
    ['with a byte order mark', `\ufeff{"matches":${LIST}}`, 1],
    ['under another name', `{"packages":${LIST}}`, 0],
    ['of other things', `{"matches":[1,${LIST.slice(1)}}`, 0],
    ['of lists', `{"matches":[${ENTRIES.map((one) => JSON.stringify([one])).join(',')}]}`, 0],
    ['short', `{"matches":${JSON.stringify(ENTRIES.slice(0, 10))}}`, 0],
    [
      'inside of another one',
      `{"results":[${ENTRIES.map((one) => JSON.stringify({ ...one, matches: ENTRIES.slice(0, 2) })).join(',')}]}`,
      1,
    ],
  ])('%s is what the whole document would have', (_what, text, lists) => {
    expect(listsIn(text)).toBe(lists);
    expect(plain(parse(text))).toEqual(JSON.parse(text.replace(/^\ufeff/, '')));
  });

  test('is an array to its readers', () => {
    const list = parse(`{"matches":${LIST}}`).matches as readonly { index: number }[];
    expect(Array.isArray(list)).toBe(true);
    expect([list.length, list[299]?.index, list[300], list.at(-1)?.index]).toEqual([300, 299, undefined, 299]);
    expect(list.map(({ index }) => index)).toEqual(ENTRIES.map(({ index }) => index));
    expect([...list.entries()].filter(([at, { index }]) => at !== index)).toEqual([]);
    expect(list.every(({ index }) => index < 300)).toBe(true);
  });

  const codeOf = (text: string): string => {
    try {
      parseReport('r', Buffer.from(text));
      return 'read';
    } catch (error) {
      return String((error as { code?: unknown }).code);
    }
  };
  const match = (index: number) =>
    `{"vulnerability":{"id":"CVE-2025-${index}","severity":"High"},"artifact":{"name":"a","version":"1"},"x":"${'x'.repeat(1000)}"}`;
  const report = (list: string) => `{"descriptor":{"name":"grype"},"matches":[${list}]}`;
  const good = Array.from({ length: 300 }, (_, index) => match(index));

  test('every entry is read', () => {
    const { findings } = parseReport('r', Buffer.from(report(good.join(','))));
    expect(findings.map(({ ids }) => ids[0])).toEqual(good.map((_, index) => `CVE-2025-${index}`));
  });

  test.each([
    ['an entry that is cut', good.with(299, '{"vulnerability":{"id":"CVE-1"').join(',')],
    ['an entry with a bad number', good.with(150, match(150).replace('"High"', '01')).join(',')],
    ['an entry with a bad escape', good.with(0, match(0).replace('High', '\\x')).join(',')],
    ['an entry with two commas in it', good.with(7, match(7).replace('},"x"', '},,"x"')).join(',')],
    ['a comma at the end', `${good.join(',')},`],
    ['a comma at the beginning', `,${good.join(',')}`],
    ['two commas', good.join(',').replace('},{', '},,{')],
    ['no comma', good.join(',').replace('},{', '}{')],
    ['a word between', good.join(',').replace('},{', '},x{')],
    ['braces that are brackets', good.with(3, match(3).replace(/\}$/, ']')).join(',')],
    ['no end', `${good.join(',')}]`.slice(0, -2)],
  ])('%s makes the report malformed, never shorter', (_what, list) => {
    expect(codeOf(report(list))).toBe('REPORT_MALFORMED');
  });

  test('an entry that is no object makes it malformed', () => {
    expect(codeOf(report(good.with(3, '7').join(',')))).toBe('REPORT_MALFORMED');
  });
});
