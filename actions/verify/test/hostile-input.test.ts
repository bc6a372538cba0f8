import { execFileSync } from 'node:child_process';
import { mkdir, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { digestHex } from '@paved/digest';
import { parseRegistryHost, parseRepositoryName, RegistryClient } from '@paved/oci';
import { BundleBudget } from '../src/bundle-budget.js';
import { fetchBundles } from '../src/fetch-bundles.js';
import { fetchLegacy } from '../src/legacy-tags.js';
import { readBundles } from '../src/read-bundles.js';
import { type FileBench, startFileBench } from './file-bench.js';
import { NAME, startBench, startWorld, type World } from './world.js';

let world: World;
let bench: FileBench | undefined;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.close());
afterEach(async () => {
  await bench?.dispose();
  bench = undefined;
});

const SPECIAL: readonly (readonly [string, (path: string) => void | Promise<void>])[] = [
  ['a FIFO, which would never end', (path) => void execFileSync('mkfifo', [path])],
  ['a device, which would never end', (path) => symlink('/dev/zero', path)],
];

describe('what never ends is not read', () => {
  test.each(SPECIAL)('as a bundle: %s', async (_name, make) => {
    bench = await startFileBench(world);
    const folder = join(bench.kit.temp, 'given');
    await mkdir(folder);
    await make(join(folder, 'one.sigstore.json'));
    for (const path of [folder, join(folder, 'one.sigstore.json')]) {
      await expect(readBundles([path])).rejects.toMatchObject({ code: 'BUNDLES_INVALID' });
    }
  });

  test('as an index: a FIFO', async () => {
    bench = await startFileBench(world);
    const folder = join(bench.kit.temp, 'given');
    await mkdir(folder);
    execFileSync('mkfifo', [join(folder, 'index.json')]);
    await expect(readBundles([folder])).rejects.toMatchObject({ code: 'BUNDLES_INVALID' });
  });

  test('as a file: a FIFO', async () => {
    bench = await startFileBench(world);
    const file = join(bench.kit.workspace, 'widget.tgz');
    await rm(file);
    execFileSync('mkfifo', [file]);
    expect((await bench.verify([])).code).toBe('INPUT_INVALID');
  });
});

test('a bundle of more than 32 MiB is refused, whatever its size is said to be', async () => {
  bench = await startFileBench(world);
  const path = join(bench.kit.temp, 'large.sigstore.json');
  await writeFile(path, '');
  await truncate(path, 32 * 1024 * 1024 + 1);
  await expect(readBundles([path])).rejects.toMatchObject({ code: 'BUNDLES_INVALID' });
});

describe('all bundles of an image together', () => {
  test('have a limit, of which each takes its part', async () => {
    const budget = new BundleBudget(10);
    budget.take(4);
    budget.take(6);
    expect(() => budget.take(1)).toThrow(expect.objectContaining({ code: 'TOO_MANY_BUNDLES' }));
  });

  test('are counted before any of them is pulled, bundles and legacy layers alike', async () => {
    const image = await startBench(world);
    await image.push([await world.sign('signature', {}, image.digest)]);
    const payload = Buffer.from('{}');
    const mediaType = 'application/vnd.dev.cosign.simplesigning.v1+json';
    const annotations = { 'dev.cosignproject.cosign/signature': 'AAAA' };
    await image.pushLegacy(`sha256-${digestHex(image.digest)}.sig`, [{ mediaType, bytes: payload, annotations }]);
    const registry = parseRegistryHost(image.registry.host);
    const client = new RegistryClient({ registry, credentials: { kind: 'basic', ...image.registry.credentials } });
    const repository = client.repository(parseRepositoryName(NAME));
    for (const fetch of [fetchBundles, fetchLegacy]) {
      expect(await fetch(repository, image.digest, new BundleBudget())).toHaveLength(1);
      await expect(fetch(repository, image.digest, new BundleBudget(1))).rejects.toMatchObject({
        code: 'TOO_MANY_BUNDLES',
      });
    }
    client.close();
    await image.dispose();
  });
});
