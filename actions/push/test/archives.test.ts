import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { parseChecksums } from '@paved/attestation';
import { type Digest, digestHex, parseDigest, sha256 } from '@paved/digest';
import { OCI_INDEX, OCI_MANIFEST } from '@paved/oci';
import { type RegistryDouble, startRegistry } from '@paved/testkit';
import { pack } from 'tar-stream';
import { type Job, ROAD_SLOTS, type Seal, startJob, startSeal } from './scenario.js';

const NAME = 'octo/app';
let seal: Seal;
const closing: (() => unknown)[] = [];

beforeAll(async () => {
  seal = await startSeal();
});
afterAll(() => seal.close());
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

async function start(): Promise<{ job: Job; registry: RegistryDouble }> {
  const [job, registry] = [await startJob(), await startRegistry()];
  closing.push(() => job.dispose(), registry.close);
  return { job, registry };
}

/** Files of a layout whose root is an index over one image for each of `architectures`. */
function layoutFiles(architectures: readonly string[]): { files: Map<string, string>; root: Digest } {
  const files = new Map([['oci-layout', '{"imageLayoutVersion":"1.0.0"}']]);
  const add = (mediaType: string, text: string) => {
    const digest = sha256(text);
    files.set(`blobs/sha256/${digestHex(digest)}`, text);
    return { mediaType, digest, size: text.length };
  };
  const images = architectures.map((architecture) => {
    const layer = `layer for ${architecture}`;
    const config = JSON.stringify({ os: 'linux', architecture, rootfs: { diff_ids: [sha256(layer)] } });
    const document = {
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: add('application/vnd.oci.image.config.v1+json', config),
      layers: [add('application/vnd.oci.image.layer.v1.tar', layer)],
    };
    return { ...add(OCI_MANIFEST, JSON.stringify(document)), platform: { os: 'linux', architecture } };
  });
  const index = JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: images });
  const root = add(OCI_INDEX, index);
  files.set('index.json', JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [root] }));
  return { files, root: root.digest };
}

async function tarBytes(files: ReadonlyMap<string, string>): Promise<Buffer> {
  const archive = pack();
  for (const [name, text] of files) archive.entry({ name }, text);
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function written(job: Job, name: string, bytes: Buffer): Promise<string> {
  const path = join(job.workspace, name);
  await writeFile(path, bytes);
  return path;
}

/** What provenance and sign take for subjects: the archive's own digest, the image's, and those that the layout step lists. */
async function subjectsOf(archive: string, outputs: Readonly<Record<string, string | undefined>>) {
  const listed = parseChecksums(await readFile(outputs['checksums-path'] ?? '', 'utf8'));
  const below = listed.map(({ digest }) => parseDigest(`sha256:${digest.sha256}`));
  return [sha256(await readFile(archive)), parseDigest(outputs.digest ?? ''), ...below];
}

describe('the tar of a multi-platform layout', () => {
  test('gets its tags: the layout step lists the manifests that no folder names', async () => {
    const { job, registry } = await start();
    const { files, root } = layoutFiles(['amd64', 'arm64']);
    const path = await written(job, 'app.tar', await tarBytes(files));
    const layout = await job.push({ mode: 'layout', 'layout-path': path });
    expect(layout.digest).toBe(root);
    const bundles = await seal.bundlesFor(job.temp, await subjectsOf(path, layout), ROAD_SLOTS);
    const common = { 'layout-path': layout['layout-path'] ?? '', 'bundles-path': bundles, ...seal.identity };
    const target = { registry: registry.host, repository: NAME };
    await job.push({ mode: 'content', ...common, ...target });
    expect(registry.store.repository(NAME).tags.size).toBe(0);
    await job.push({ mode: 'tag', ...common, ...target, version: '1.0.0', tags: '{version}\n{version}-{arch}' });
    const stored = registry.store.repository(NAME);
    expect([...stored.tags.keys()]).toEqual(['1.0.0-amd64', '1.0.0-arm64', '1.0.0']);
    for (const digest of stored.tags.values()) expect(stored.referrersOf(digest)).toHaveLength(ROAD_SLOTS.length);
  });

  test('gets none when one child is missing in what was signed', async () => {
    const { job, registry } = await start();
    const path = await written(job, 'app.tar', await tarBytes(layoutFiles(['amd64', 'arm64']).files));
    const layout = await job.push({ mode: 'layout', 'layout-path': path });
    const [, ...signed] = (await subjectsOf(path, layout)).reverse();
    const bundles = await seal.bundlesFor(job.temp, signed, ROAD_SLOTS);
    const inputs = { 'layout-path': path, 'bundles-path': bundles, ...seal.identity, tags: '1.0.0' };
    const pushing = job.push({ ...inputs, registry: registry.host, repository: NAME });
    await expect(pushing).rejects.toMatchObject({ code: 'EVIDENCE_MISSING' });
    expect(registry.requests).toEqual([]);
  });

  test('lists the same names as the files of its folder, and nothing for one image', async () => {
    const { job } = await start();
    const { files } = layoutFiles(['amd64', 'arm64']);
    const folder = join(job.workspace, 'layout');
    for (const [name, text] of files) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), text);
    }
    const tar = await written(job, 'app.tar', await tarBytes(files));
    const texts = await Promise.all(
      [folder, tar].map(async (path) => {
        const outputs = await job.push({ mode: 'layout', 'layout-path': path });
        return await readFile(outputs['checksums-path'] ?? '', 'utf8');
      }),
    );
    expect(texts[0]).toBe(texts[1]);
    for (const { name } of parseChecksums(texts[0] ?? '')) expect([...files.keys()]).toContain(name);
    expect(await job.push({ mode: 'layout', files: job.files })).not.toHaveProperty(
      'checksums-path',
      expect.anything(),
    );
  });
});

describe('a compressed archive', () => {
  async function spooledFiles(job: Job): Promise<readonly string[]> {
    const names = await readdir(join(job.temp, 'paved/push'), { recursive: true }).catch(() => []);
    return names.filter((name) => name.endsWith('.tar'));
  }

  test.each([
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ] as const)('with %s goes the same way; what it is pushed as is what the plain one is', async (_name, compress) => {
    const { job, registry } = await start();
    const { files, root } = layoutFiles(['amd64', 'arm64']);
    const plain = await tarBytes(files);
    const path = await written(job, 'app.tar', compress(plain));
    const layout = await job.push({ mode: 'layout', 'layout-path': path });
    expect(layout.digest).toBe(root);
    // The next step need not decompress it again.
    expect((await readFile(layout['layout-path'] ?? '')).equals(plain)).toBe(true);
    expect(await spooledFiles(job)).toHaveLength(1);
    const bundles = await seal.bundlesFor(job.temp, await subjectsOf(path, layout), ROAD_SLOTS);
    const common = { 'bundles-path': bundles, ...seal.identity, registry: registry.host, repository: NAME };
    await job.push({ mode: 'content', ...common, 'layout-path': layout['layout-path'] ?? '' });
    const outputs = await job.push({ mode: 'tag', ...common, 'layout-path': path, tags: '1.0.0' });
    expect(outputs['layout-path']).toBe(path);
    expect(registry.store.repository(NAME).tags.get('1.0.0')).toBe(root);
    expect(await spooledFiles(job)).toHaveLength(1);
  });

  test.each<[string, Readonly<Record<string, string>>, (bytes: Buffer) => Buffer, string]>([
    ['that is too large', { 'max-archive-bytes': '2000' }, (bytes) => bytes, 'ARCHIVE_TOO_LARGE'],
    ['that is cut off', {}, (bytes) => bytes.subarray(0, -4), 'ARCHIVE_DAMAGED'],
    ['of another digest', { digest: sha256('x') }, (bytes) => bytes, 'LAYOUT_INVALID'],
    ['without its evidence', {}, (bytes) => bytes, 'EVIDENCE_MISSING'],
  ])('%s is refused before any request, and leaves no file', async (_name, more, change, code) => {
    const { job, registry } = await start();
    const path = await written(job, 'app.tgz', change(gzipSync(await tarBytes(layoutFiles(['amd64']).files))));
    const inputs = { 'layout-path': path, registry: registry.host, repository: NAME, tags: '1.0.0', ...more };
    await expect(job.push(inputs)).rejects.toMatchObject({ code });
    expect(registry.requests).toEqual([]);
    expect(await spooledFiles(job)).toEqual([]);
  });

  test('of docker save with another digest than was expected leaves no file, in mode layout too', async () => {
    const { job } = await start();
    const config = JSON.stringify({ os: 'linux', architecture: 'amd64', rootfs: { diff_ids: [sha256('layer')] } });
    const saved = [
      ['c.json', config],
      ['l.tar', 'layer'],
      ['manifest.json', JSON.stringify([{ Config: 'c.json', Layers: ['l.tar'] }])],
    ] as const;
    const path = await written(job, 'saved.tar.gz', gzipSync(await tarBytes(new Map(saved))));
    const layout = await job.push({ mode: 'layout', 'layout-path': path });
    expect(await spooledFiles(job)).toHaveLength(1);
    await job.push({ mode: 'layout', 'layout-path': layout['layout-path'] ?? '', digest: layout.digest ?? '' });
    const other = job.push({ mode: 'layout', 'layout-path': path, digest: sha256('x') });
    await expect(other).rejects.toMatchObject({ code: 'LAYOUT_CHANGED' });
    expect(await spooledFiles(job)).toHaveLength(1);
  });

  test('beside another one becomes an index, the same in every step, and leaves no file', async () => {
    const { job } = await start();
    const single = async (name: string, architecture: string) => {
      const { files, root } = layoutFiles([architecture]);
      files.set('index.json', files.get(`blobs/sha256/${digestHex(root)}`) ?? '');
      return await written(job, name, gzipSync(await tarBytes(files)));
    };
    const paths = [await single('a.tgz', 'amd64'), await single('b.tgz', 'arm64')];
    const layout = await job.push({ mode: 'layout', 'layout-path': paths.join('\n') });
    expect(layout['layout-path']?.split('\n')).toEqual(paths);
    const again = await job.push({ mode: 'layout', 'layout-path': layout['layout-path'] ?? '' });
    expect(again.digest).toBe(layout.digest);
    expect(await spooledFiles(job)).toEqual([]);
    await writeFile(paths[1] ?? '', gzipSync('no archive'));
    const broken = job.push({ mode: 'layout', 'layout-path': paths.join('\n') });
    await expect(broken).rejects.toMatchObject({ code: 'LAYOUT_INVALID' });
    expect(await spooledFiles(job)).toEqual([]);
  });
});
