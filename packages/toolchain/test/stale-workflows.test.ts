import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { GENERATED_HEADING, staleWorkflows } from '../src/render/stale-workflows.js';
import { writeWorkflows } from '../src/render/workflows.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'paved-stale-'));
  await writeFile(join(folder, 'ci.yml'), 'on: push\n');
  await writeFile(join(folder, 'road.yml'), `${GENERATED_HEADING}road\n`);
  await writeFile(join(folder, 'road-matrix.yml'), `${GENERATED_HEADING}road, with other machines\n`);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const ROAD = { name: 'road.yml', text: `${GENERATED_HEADING}road, again\n` };

test('what nothing renders to any more is found, and what was written by hand is not', async () => {
  expect(await staleWorkflows(folder, [ROAD])).toEqual(['road-matrix.yml']);
  expect(await staleWorkflows(folder, [ROAD, { name: 'road-matrix.yml' }])).toEqual([]);
  expect(await staleWorkflows(join(folder, 'nothing'), [ROAD])).toEqual([]);
});

test('it is gone after the next rendering', async () => {
  await writeWorkflows(folder, [ROAD]);
  expect((await readdir(folder)).sort()).toEqual(['ci.yml', 'road.yml']);
});
