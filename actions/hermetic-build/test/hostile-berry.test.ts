import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { readBerryLock } from '../src/node/berry.js';
import { cacheFile } from '../src/node/yarn-cache.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'paved-berry-'));
  await writeFile(join(folder, 'package.json'), '{"name":"root","dependencies":{"a":"1"}}');
});
afterEach(() => rm(folder, { recursive: true }));

const lockOf = (entries: Readonly<Record<string, string>>) =>
  `__metadata:\n  version: 8\n  cacheKey: 10c0\n\n"root@workspace:.":\n  version: 0.0.0-use.local\n  resolution: "root@workspace:."\n  dependencies:\n    a: "npm:1"\n\n${Object.entries(
    entries,
  )
    .map(([key, resolution]) => `"${key}":\n  version: 1.0.0\n  resolution: "${resolution}"\n`)
    .join('\n')}`;

test.each<readonly [string, Readonly<Record<string, string>>]>([
  ['itself', { 'a@npm:1': 'a@patch:a%40npm%3A1#./p.patch' }],
  ['what patches it', { 'a@npm:1': 'a@patch:b%40npm%3A1#./p.patch', 'b@npm:1': 'b@patch:a%40npm%3A1#./p.patch' }],
])('a package that patches %s is refused', async (_name, entries) => {
  await expect(readBerryLock(lockOf(entries), folder, undefined)).rejects.toMatchObject({ code: 'LOCKFILE_INVALID' });
});

test.each(['../../x@npm:1.0.0', '@a/../../x@npm:1.0.0', '/x@npm:1.0.0', 'a\\b@npm:1.0.0', 'a\0@npm:1.0.0'])(
  '%j names no file of the cache',
  (locator) => {
    expect(() => cacheFile(locator, undefined, '10c0')).toThrow(expect.objectContaining({ code: 'LOCKFILE_INVALID' }));
  },
);
