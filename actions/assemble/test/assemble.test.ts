import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { digestHex, sha256 } from '@paved/digest';
import { openLayout } from '@paved/oci';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { definition } from '../src/definition.js';
import { run } from '../src/run.js';

const OCI = 'application/vnd.oci.image';
const PLATFORMS = 'linux/amd64\nlinux/arm64';

type Files = Map<string, string>;
type Descriptor = Readonly<Record<string, unknown>> & { readonly digest: string };

let scene: TestContext;
beforeEach(async () => {
  scene = await testContext({ action: 'assemble' });
});
afterEach(() => scene.dispose());

function put(files: Files, mediaType: string, document: unknown): Descriptor {
  const text = typeof document === 'string' ? document : JSON.stringify(document);
  const digest = sha256(text);
  files.set(`blobs/sha256/${digestHex(digest)}`, text);
  return { mediaType, digest, size: Buffer.byteLength(text) };
}

function image(files: Files, platform: string, layer: string): Descriptor {
  const [os, architecture, variant] = platform.split('/');
  const config = { os, architecture, variant, rootfs: { type: 'layers', diff_ids: [sha256(layer)] } };
  return put(files, `${OCI}.manifest.v1+json`, {
    schemaVersion: 2,
    mediaType: `${OCI}.manifest.v1+json`,
    config: put(files, `${OCI}.config.v1+json`, config),
    layers: [put(files, `${OCI}.layer.v1.tar`, layer)],
  });
}

function index(manifests: readonly Descriptor[]): string {
  return JSON.stringify({ schemaVersion: 2, mediaType: `${OCI}.index.v1+json`, manifests });
}

interface LegOptions {
  /** What the layout names instead of one image of its platform. */
  readonly images?: readonly string[];
  /** The images are below an index. */
  readonly nested?: boolean;
  readonly folder?: string;
}

/** What one machine handed over, with a file beside the layout that no release has. */
async function leg(key: string, { images = [key.replaceAll('-', '/')], nested, folder = key }: LegOptions = {}) {
  const files: Files = new Map([
    ['oci-layout', '{"imageLayoutVersion":"1.0.0"}'],
    ['planted.json', '{"_type":"https://in-toto.io/Statement/v1"}'],
  ]);
  const made = images.map((platform) => image(files, platform, `layer of ${platform}`));
  const roots = nested === true ? [put(files, `${OCI}.index.v1+json`, index(made))] : made;
  files.set('index.json', index(roots));
  for (const [name, text] of files) {
    const path = join(scene.workspace, 'legs', folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
  return made.map(({ digest }) => digest);
}

async function assemble(change: Readonly<Record<string, string>> = {}) {
  const given = { 'legs-path': 'legs', platforms: PLATFORMS, ...change };
  return await run(await scene.inputs(definition, given), scene.context);
}

/** Every file of a layout, by name. */
async function textsOf(folder: string): Promise<Readonly<Record<string, string>>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const texts = await Promise.all(
    names.sort().map(async (path) => [path.slice(folder.length), await readFile(path, 'utf8')]),
  );
  return Object.fromEntries(texts);
}

describe('one index', () => {
  test('names the image of every leg, and has nothing else that the legs had', async () => {
    const digests = [...(await leg('linux-amd64')), ...(await leg('linux-arm64'))];
    const { digest, 'layout-path': path = '' } = await assemble();
    const { root, manifests, blobs } = await openLayout(path);
    expect([root.digest, root.kind]).toEqual([digest, 'index']);
    const named: readonly Descriptor[] = JSON.parse(root.bytes.toString()).manifests;
    expect(named.map((descriptor) => [descriptor.digest, descriptor.platform])).toEqual([
      [digests[0], { os: 'linux', architecture: 'amd64' }],
      [digests[1], { os: 'linux', architecture: 'arm64' }],
    ]);
    expect([manifests.length, blobs.length]).toEqual([3, 4]);
    const names = Object.keys(await textsOf(path));
    expect(names.filter((name) => !name.startsWith('/blobs/sha256/'))).toEqual(['/index.json', '/oci-layout']);
    expect(names).toHaveLength(9);
  });

  test('is the same bytes in every job, in whatever order the platforms are named', async () => {
    for (const key of ['linux-amd64', 'linux-arm64']) await leg(key);
    const [one, other] = [await assemble(), await assemble({ platforms: 'linux/arm64\nlinux/amd64' })];
    expect(await textsOf(one['layout-path'] ?? '')).toEqual(await textsOf(other['layout-path'] ?? ''));
  });

  test('takes an index over one image for the image, arm64/v8 for arm64, and a layout below the output', async () => {
    await leg('linux-amd64', { nested: true, folder: 'linux-amd64/image' });
    await leg('linux-arm64', { images: ['linux/arm64/v8'], folder: 'linux-arm64/image' });
    const { 'layout-path': path = '' } = await assemble({ layout: 'image' });
    expect((await openLayout(path)).root.bytes.toString().match(/"architecture":"[a-z0-9]+"/g)).toEqual([
      '"architecture":"amd64"',
      '"architecture":"arm64"',
    ]);
  });

  test('of one leg is an index as well', async () => {
    await leg('linux-arm64');
    const { 'layout-path': path = '' } = await assemble({ platforms: 'linux/arm64' });
    expect((await openLayout(path)).root.kind).toBe('index');
  });
});

describe('refuses', () => {
  test.each<readonly [string, string, LegOptions]>([
    ['the image of the other platform', 'LEG_PLATFORM_WRONG', { images: ['linux/amd64'] }],
    ['an image of another variant', 'LEG_PLATFORM_WRONG', { images: ['linux/arm64/v9'] }],
    ['two images', 'LAYOUT_INVALID', { images: ['linux/arm64', 'linux/amd64'] }],
    [
      'an index with the image of another leg',
      'LEG_FOREIGN_IMAGE',
      { images: ['linux/arm64', 'linux/amd64'], nested: true },
    ],
    ['an index with attestations', 'LEG_FOREIGN_IMAGE', { images: ['linux/arm64', 'unknown/unknown'], nested: true }],
    ['an empty index', 'LEG_FOREIGN_IMAGE', { images: [], nested: true }],
  ])('%s', async (_what, code, options) => {
    await leg('linux-amd64');
    await leg('linux-arm64', options);
    await expect(assemble()).rejects.toMatchObject({ code });
  });

  test('a leg that is not there, and one too many', async () => {
    await leg('linux-amd64');
    await expect(assemble()).rejects.toMatchObject({ code: 'LEG_MISSING' });
    await leg('linux-arm64');
    await leg('linux-riscv64');
    await expect(assemble()).rejects.toMatchObject({ code: 'LEG_UNKNOWN' });
  });

  test.each(['../linux-amd64', '/etc', 'a/../../linux-amd64'])('the layout %s', async (layout) => {
    for (const key of ['linux-amd64', 'linux-arm64']) await leg(key);
    await expect(assemble({ layout })).rejects.toMatchObject({ code: 'LEG_LAYOUT_OUTSIDE' });
  });

  test('one changed byte of a layer', async () => {
    for (const key of ['linux-amd64', 'linux-arm64']) await leg(key);
    const path = join(scene.workspace, 'legs/linux-arm64/blobs/sha256', digestHex(sha256('layer of linux/arm64')));
    await writeFile(path, 'layer of linux/arm65');
    await expect(assemble()).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });

  test.each(['', 'linux', 'linux/amd64\nlinux/amd64'])('the platforms %j', async (platforms) => {
    const code = platforms === '' ? expect.any(String) : 'HANDOFF_LEGS_INVALID';
    await leg('linux-amd64');
    await expect(assemble({ platforms })).rejects.toMatchObject({ code });
  });
});
