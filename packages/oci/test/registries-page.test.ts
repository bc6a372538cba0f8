import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { REGISTRY_PROFILES } from '../src/index.js';

const PAGE = readFileSync('docs/registries.md', 'utf8');

function rowsOf(heading: string): readonly string[] {
  const section = PAGE.slice(PAGE.indexOf(`## ${heading}`)).split('\n## ')[0] ?? '';
  return section.split('\n').filter((line) => line.startsWith('| ') && !/^\| (?:registry|-)/.test(line));
}

test('the page has a row for each quirk of the table, with its source, and no other', () => {
  const quirks = REGISTRY_PROFILES.flatMap(({ title, quirks: list }) =>
    list.map((quirk) => `| ${title} | ${quirk.topic} | ${quirk.registry} | ${quirk.client} | ${quirk.source} |`),
  );
  expect(rowsOf('Quirks and their sources')).toEqual(quirks);
});

test('the page says of each registry what the table expects', () => {
  const expected = REGISTRY_PROFILES.map(
    ({ title, referrersApi, missingSubject, singlePost, chunks, immutableTags }) => [
      title,
      referrersApi,
      missingSubject,
      singlePost ? 'yes' : 'no',
      chunks.maxBytes === undefined ? 'no limit known' : `${chunks.maxBytes / 1024 / 1024} MiB`,
      chunks.trustsRange ? 'yes' : 'no',
      immutableTags === 'never' ? 'not known' : 'a setting',
    ],
  );
  const found = rowsOf('What is expected').map((row) => {
    const cells = row.split(/(?<!\\)\|/).map((cell) => cell.trim());
    return [1, 3, 4, 5, 7, 8, 9].map((index) => cells[index]);
  });
  expect(found).toEqual(expected);
});
