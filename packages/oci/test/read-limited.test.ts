import { appendFile, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { readLimited } from '../src/index.js';
import { scratch } from './scratch.js';

test.each([
  [0, 0, true],
  [0, 10, true],
  [10, 10, true],
  [11, 10, false],
  [200_000, 200_000, true],
  [200_001, 200_000, false],
])('%i bytes with a limit of %i: read %p', async (size, limit, fits) => {
  const path = join(await scratch(), 'file');
  await writeFile(path, Buffer.alloc(size, 0x61));
  const handle = await open(path);
  const bytes = await readLimited(handle, limit);
  await handle.close();
  expect(bytes?.length).toBe(fits ? size : undefined);
});

test('a file that grows after it was measured does not pass the limit', async () => {
  const path = join(await scratch(), 'file');
  await writeFile(path, 'short');
  const handle = await open(path);
  expect((await handle.stat()).size).toBeLessThan(10);
  await appendFile(path, 'and then some more');
  expect(await readLimited(handle, 10)).toBeUndefined();
  await handle.close();
});
