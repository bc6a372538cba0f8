import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { digestHex, sha256 } from '@paved/digest';
import { type ImageManifest, openLayout } from '@paved/oci';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { readToolLock } from '@paved/runner-kit/tools';
import { bundledBlob, openBundledImage } from '../src/buildkit/image-bundle.js';
import { parseImageName } from '../src/buildkit/image-name.js';
import type { DockerfileBuild } from '../src/buildkit/open-dockerfile.js';
import { writeLayoutFiles } from '../src/image/normalize-layout.js';
import { LOCKED_COPA } from '../src/patch/locked-copa.js';
import { installedPackages, packageChanges } from '../src/patch/package-database.js';
import { assertPatchOf, takePatchedImage } from '../src/patch/patched-image.js';
import { patchedPackages } from '../src/patch/patched-packages.js';
import { usePatches } from '../src/patch/use-patches.js';
import { type Packing, type SampleEntry, tarOf, writeLayout } from './layout-sample.js';

const CONFIG = { User: '10001', Env: ['PATH=/bin'], Entrypoint: ['/app'], Labels: { a: 'b' } };
const STATUS = (version: string) =>
  `Package: demo\nStatus: install ok installed\nArchitecture: all\nVersion: ${version}\nDescription: a\n b\n`;
const BASE: readonly (readonly SampleEntry[])[] = [
  [{ name: 'etc/os-release', text: 'ID=debian\n' }],
  [{ name: 'var/lib/dpkg/status', text: STATUS('1.0') }],
];
const UPGRADE: readonly SampleEntry[] = [{ name: 'var/lib/dpkg/status', text: STATUS('1.1') }];

let host: TestContext;
let bundlePath: string;
let base: ImageManifest;
let count = 0;
beforeEach(async () => {
  host = await testContext({ action: 'hermetic-build' });
  bundlePath = join(host.temp, 'bundle');
  await mkdir(bundlePath);
  base = await write(join(bundlePath, 'images'), BASE);
});
afterEach(async () => await host.dispose());

async function write(
  path: string,
  layers: readonly (readonly SampleEntry[])[],
  options: { readonly config?: unknown; readonly packing?: Packing; readonly created?: string } = {},
): Promise<ImageManifest> {
  await writeLayout(path, layers.map(tarOf), { config: CONFIG, ...options });
  const { root } = await openLayout(path);
  if (root.kind !== 'image') throw new Error('an index');
  return root;
}

/** What copa would have written. */
async function archive(layers: readonly (readonly SampleEntry[])[], options: Parameters<typeof write>[2] = {}) {
  const path = join(host.temp, `archive-${++count}`);
  await write(path, layers, options);
  return path;
}

const take = async (path: string) => await takePatchedImage(path, base, 'copa 0.14.2', bundlePath);
const FAILED = { code: 'IMAGE_PATCH_FAILED', hint: expect.any(String) };

async function configOf({ config }: ImageManifest) {
  return JSON.parse(await readFile(join(bundlePath, 'images/blobs/sha256', digestHex(config.digest)), 'utf8'));
}

describe('a patched image', () => {
  test('is the base with more layers, under its own config', async () => {
    const own = { ...CONFIG, labels: { BaseImage: '127.0.0.1/x' } };
    const patched = await take(await archive([...BASE, UPGRADE], { config: own, created: '2026-01-01T00:00:00Z' }));
    expect(patched.layers.slice(0, 2)).toEqual(base.layers);
    expect(patched.layers).toHaveLength(3);
    const [before, after] = [await configOf(base), await configOf(patched)];
    expect(after).toEqual({
      ...before,
      rootfs: { type: 'layers', diff_ids: patched.layers.map(({ digest }) => digest) },
    });
    await assertPatchOf(base, patched, bundlePath);
    const wanted = {
      reference: { ...parseImageName(`a.example/b@${patched.digest}`).reference, digest: patched.digest },
    };
    const read = await openBundledImage({ ...wanted, platforms: ['linux/amd64'] }, bundlePath);
    expect(read.images).toHaveLength(1);
  });

  test('is the same twice', async () => {
    const first = await take(await archive([...BASE, UPGRADE], { created: '2026-01-01T00:00:00Z' }));
    const second = await take(await archive([...BASE, UPGRADE], { created: '2026-01-02T00:00:00Z' }));
    expect(first.digest).toBe(second.digest);
  });

  test.each<readonly [string, readonly (readonly SampleEntry[])[], Parameters<typeof write>[2]]>([
    [
      'a layer of the base is another',
      [[{ name: 'etc/os-release', text: 'ID=other\n' }], ...BASE.slice(1), UPGRADE],
      {},
    ],
    ['the layers of the base are in another order', [...BASE.toReversed(), UPGRADE], {}],
    ['a layer of the base is gone', [...BASE.slice(1), UPGRADE], {}],
    ['nothing was added', BASE, {}],
    ['it runs as another user', [...BASE, UPGRADE], { config: { ...CONFIG, User: 'root' } }],
    ['a variable is there', [...BASE, UPGRADE], { config: { ...CONFIG, Env: ['PATH=/bin', 'LD_PRELOAD=/x'] } }],
    ['another program starts', [...BASE, UPGRADE], { config: { ...CONFIG, Entrypoint: ['/bin/sh'] } }],
    ['arguments are there', [...BASE, UPGRADE], { config: { ...CONFIG, Cmd: ['x'] } }],
    ['a label is gone', [...BASE, UPGRADE], { config: { ...CONFIG, Labels: {} } }],
    ['a health check is there', [...BASE, UPGRADE], { config: { ...CONFIG, Healthcheck: { Test: ['CMD', '/x'] } } }],
    ['a later build would run something', [...BASE, UPGRADE], { config: { ...CONFIG, OnBuild: ['RUN x'] } }],
  ])('is refused when %s', async (_name, layers, options) => {
    await expect(take(await archive(layers, options))).rejects.toMatchObject(FAILED);
  });

  test.each(['tar+gzip', 'tar+zstd'])(
    'is refused when the added layer is %s, whose digest is not its diff id',
    async (packing) => {
      const path = await archive([...BASE, UPGRADE]);
      const index = JSON.parse(await readFile(join(path, 'index.json'), 'utf8'));
      const blobs = join(path, 'blobs/sha256');
      const manifest = JSON.parse(await readFile(join(blobs, index.manifests[0].digest.slice(7)), 'utf8'));
      manifest.layers.at(-1).mediaType = `application/vnd.oci.image.layer.v1.${packing}`;
      const bytes = Buffer.from(JSON.stringify(manifest));
      const digest = sha256(bytes);
      await writeFile(join(blobs, digestHex(digest)), bytes);
      await writeLayoutFiles(path, { ...index.manifests[0], digest, size: bytes.length });
      await expect(take(path)).rejects.toMatchObject(FAILED);
    },
  );

  test('is refused when one byte of a layer is another than its digest says', async () => {
    const path = await archive([...BASE, UPGRADE]);
    const { root } = await openLayout(path);
    const added = root.kind === 'image' ? (root.layers.at(-1)?.digest ?? '') : '';
    const blob = join(path, 'blobs/sha256', added.slice('sha256:'.length));
    const bytes = await readFile(blob);
    bytes[600] = (bytes[600] ?? 0) ^ 1;
    await writeFile(blob, bytes);
    await expect(take(path)).rejects.toMatchObject({ code: 'LAYOUT_DIGEST_MISMATCH' });
  });
});

describe('the packages of an image', () => {
  const read = async (...layers: readonly (readonly SampleEntry[])[]) => {
    const { layers: found } = await write(join(bundlePath, 'images'), layers);
    return await installedPackages(
      found.map((layer) => bundledBlob(bundlePath, layer)),
      host.temp,
    );
  };

  test('are those of the uppermost database', async () => {
    expect(await read(...BASE, UPGRADE)).toEqual(new Map([['demo:all', '1.1']]));
    const removed = 'Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n';
    const status = `${STATUS('1.0')}\n${removed}\n${STATUS('2:1.0-1+deb12u1').replaceAll('demo', 'libc6')}`;
    expect(await read([{ name: './var/lib/dpkg/status', text: status }])).toEqual(
      new Map([
        ['demo:all', '1.0'],
        ['libc6:all', '2:1.0-1+deb12u1'],
      ]),
    );
  });

  test('are those of apk, also where /lib is a link', async () => {
    const text = 'C:Q1abc=\nP:musl\nV:1.2.5-r0\nA:x86_64\n\nC:Q1=\nP:busybox\nV:1.36.1-r2\n\n';
    const expected = new Map([
      ['musl', '1.2.5-r0'],
      ['busybox', '1.36.1-r2'],
    ]);
    expect(await read([{ name: 'lib/apk/db/installed', text }])).toEqual(expected);
    const link: SampleEntry = { name: 'lib', type: 'symlink', linkname: 'usr/lib' };
    expect(await read([{ name: 'usr/lib/apk/db/installed', text }, link])).toEqual(expected);
  });

  test('are none where there is no database, or it was removed', async () => {
    expect(await read([{ name: 'app', text: 'x' }])).toBeUndefined();
    expect(await read(...BASE, [{ name: 'var/lib/dpkg/.wh.status' }])).toBeUndefined();
  });

  test.each<readonly [string, readonly SampleEntry[]]>([
    ['distroless', [{ name: 'var/lib/dpkg/status.d/libc6', text: STATUS('1') }]],
    ['rpm', [{ name: 'var/lib/rpm/rpmdb.sqlite', text: 'x' }]],
    ['rpm in its new place', [{ name: 'usr/lib/sysimage/rpm/rpmdb.sqlite', text: 'x' }]],
    ['pacman', [{ name: 'var/lib/pacman/local/a/desc', text: 'x' }]],
    [
      'two databases',
      [
        { name: 'var/lib/dpkg/status', text: STATUS('1') },
        { name: 'lib/apk/db/installed', text: 'P:a\nV:1\n' },
      ],
    ],
    ['one package twice', [{ name: 'var/lib/dpkg/status', text: `${STATUS('1')}\n${STATUS('2')}` }]],
    ['a version that is none', [{ name: 'var/lib/dpkg/status', text: STATUS('1.0\u001b[2J') }]],
    ['a name that is none', [{ name: 'lib/apk/db/installed', text: 'P:../a\nV:1\n' }]],
    ['a database that is a folder', [{ name: 'var/lib/dpkg/status/x', text: 'y' }]],
    [
      'a database that is a link to another name',
      [
        { name: 'var/lib/dpkg/other', text: STATUS('1') },
        { name: 'var/lib/dpkg/status', type: 'symlink', linkname: 'other' },
      ],
    ],
  ])('are refused: %s', async (_name, entries) => {
    await expect(read(entries)).rejects.toMatchObject({ code: 'IMAGE_PATCH_REFUSED', hint: expect.any(String) });
  });

  test('are compared by name', () => {
    const before = new Map(Object.entries({ a: '1', b: '1', c: '1' }));
    const after = new Map(Object.entries({ b: '2', c: '1', d: '1' }));
    expect(packageChanges(before, after)).toEqual([
      { name: 'a', before: '1' },
      { name: 'b', before: '1', after: '2' },
      { name: 'd', after: '1' },
    ]);
  });
});

describe('the bundle of a patched base', () => {
  const PACKAGES = [{ name: 'demo:all', before: '1.0', after: '1.1' }];

  function dockerfile(digest = base.digest): DockerfileBuild {
    const { reference, familiar } = parseImageName(`reg.example/acme/base:1@${digest}`);
    return {
      ...{ path: 'Dockerfile', sha256: '0'.repeat(64), buildArgs: new Map(), target: undefined },
      ...{ platforms: ['linux/amd64'], downloads: [], buildkit: undefined, bases: [digest] },
      images: [{ reference: { ...reference, digest }, platforms: ['linux/amd64'] }],
      names: new Map([[familiar, digest]]),
    };
  }

  async function record(changes: Readonly<Record<string, unknown>> = {}, image: object = {}) {
    const digest = LOCKED_COPA.tools[0]?.sha256;
    const patched = await take(await archive([...BASE, UPGRADE]));
    const one = { image: 'reg.example/acme/base', platform: 'linux/amd64', before: base.digest, after: patched.digest };
    const document = {
      mediaType: 'application/vnd.paved.image-patches.v1+json',
      tool: { name: 'copa', version: '0.14.2', asset: digest, sha256: digest },
      ...{ mirrors: ['mirror.example'], reached: ['mirror.example:80'], downloads: [] },
      images: [{ ...one, packages: PACKAGES, ...image }],
      ...changes,
    };
    await writeFile(join(bundlePath, 'image-patches.json'), JSON.stringify(document));
    return { patched, document };
  }

  test('gives the build the patched image under every name of its base, and the base no longer', async () => {
    const { patched } = await record();
    const build = await usePatches(dockerfile(), true, bundlePath);
    expect([...build.names.values()]).toEqual([patched.digest]);
    expect(build.images.map(({ reference }) => reference.digest)).toEqual([patched.digest]);
    expect(build.bases).toEqual([base.digest]);
    expect(build.patched).toEqual(new Map([[base.digest, patched.digest]]));
  });

  test('is left alone where nothing was newer', async () => {
    await record({}, { after: base.digest, packages: [] });
    expect(await usePatches(dockerfile(), true, bundlePath)).toEqual(dockerfile());
  });

  test.each([
    ['the bundle was patched, and the build was not asked to', false, {}],
    ['the record is of another image', true, { before: `sha256:${'e'.repeat(64)}` }],
    ['the record contradicts itself', true, { packages: [] }],
    ['the patched image is not in the bundle', true, { after: `sha256:${'f'.repeat(64)}` }],
  ])('is refused when %s', async (_name, patch, image) => {
    await record({}, image);
    await expect(usePatches(dockerfile(), patch, bundlePath)).rejects.toMatchObject({ code: 'BUNDLE_INCOMPLETE' });
  });

  test('is refused when the fetch phase did not patch, and the build asks for it', async () => {
    await expect(usePatches(dockerfile(), true, bundlePath)).rejects.toMatchObject({ code: 'BUNDLE_INCOMPLETE' });
    expect(await usePatches(dockerfile(), false, bundlePath)).toEqual(dockerfile());
  });

  test('is refused when the patched image does not lie over the base of the Dockerfile', async () => {
    const other = await write(join(bundlePath, 'images'), [BASE[1] ?? [], UPGRADE]);
    await record({}, { after: other.digest });
    await expect(usePatches(dockerfile(), true, bundlePath)).rejects.toMatchObject(FAILED);
  });

  test('is refused when the patched image has another config', async () => {
    const other = await write(join(bundlePath, 'images'), [...BASE, UPGRADE], { config: { ...CONFIG, User: 'root' } });
    await record({}, { after: other.digest });
    await expect(usePatches(dockerfile(), true, bundlePath)).rejects.toMatchObject(FAILED);
  });

  test('stands in the fetch manifest with the digest of the Dockerfile beside it, and copa with the digest that ran', async () => {
    const { patched, document } = await record();
    const entry = {
      ...{ purl: `pkg:oci/base@${encodeURIComponent(base.digest)}?repository_url=reg.example%2Facme%2Fbase&tag=1` },
      ...{ name: 'base', version: base.digest, ecosystem: 'purl:oci' as const, size: 1, digests: { sha256: '0' } },
      ...{ lockDigest: base.digest, direct: true, scope: 'runtime' as const, dependencies: [], locations: ['a'] },
    };
    const [patch] = document.images;
    const program = join(host.temp, 'copa');
    await writeFile(program, 'copa');
    const { asset = base.digest, sha256: digest = base.digest } = document.tool;
    const tool = { path: program, version: '0.14.2', assetDigest: asset, digest };
    const [image, copa, ...others] = await patchedPackages([entry], { patch: patch as never, image: patched, tool });
    expect(others).toEqual([]);
    expect(image).toMatchObject({ version: patched.digest, lockDigest: base.digest });
    expect(image?.purl).toContain('repository_url=reg.example');
    expect(image?.purl).not.toContain('tag=');
    const bytes = [patched.config, ...patched.layers].reduce((sum, { size }) => sum + size, patched.bytes.length);
    expect(image?.size).toBe(bytes);
    expect(copa).toMatchObject({
      ecosystem: 'Go',
      version: 'v0.14.2',
      scope: 'development',
      lockDigest: asset,
      size: 4,
    });
  });
});

test('what is locked in the bundle is what is locked in the repository', async () => {
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  const { tools } = await readToolLock(join(root, 'tools.lock.json'));
  expect(LOCKED_COPA.tools).toEqual(tools.filter(({ tool }) => tool === 'copa'));
});
