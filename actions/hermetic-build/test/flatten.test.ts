import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openLayout, readBlob } from '@paved/oci';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { flattenLayout } from '../src/image/flatten-layout.js';
import { readTar } from '../src/image/tar-reader.js';
import { compareLayouts } from '../src/reproduce/compare-layouts.js';
import { entryOf, type Packing, type SampleEntry, tarOf, writeLayout } from './layout-sample.js';

let host: TestContext;
let count = 0;
beforeEach(async () => {
  host = await testContext({ action: 'hermetic-build' });
});
afterEach(async () => await host.dispose());

async function flatten(layers: readonly (readonly SampleEntry[])[], packing: Packing = 'plain', config: unknown = {}) {
  const source = join(host.temp, `source-${++count}`);
  await writeLayout(source, layers.map(tarOf), { packing, config });
  return await flattenAt(source);
}

async function flattenAt(source: string) {
  const target = join(host.temp, `flat-${++count}`);
  await mkdir(target);
  const digest = await flattenLayout(source, target, join(host.temp, `scratch-${count}`), 1_700_000_000);
  const layout = await openLayout(target);
  if (layout.root.kind !== 'image') throw new Error('an index');
  const [layer, ...others] = layout.root.layers;
  expect(others).toEqual([]);
  const blob = (of: { digest: string } | undefined) =>
    readBlob(layout.blobs.find(({ descriptor }) => descriptor.digest === of?.digest) as never, 1 << 24);
  const tar = await blob(layer);
  return {
    digest,
    tar,
    entries: await entriesOf(tar),
    config: JSON.parse((await blob(layout.root.config)).toString()),
  };
}

async function entriesOf(tar: Buffer) {
  const entries: Record<string, string> = {};
  for await (const entry of readTar(
    (async function* () {
      yield tar;
    })(),
  )) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry.content) chunks.push(chunk);
    entries[entry.name] =
      entry.type === 'file' ? Buffer.concat(chunks).toString() : `${entry.type} ${entry.linkname}`.trim();
  }
  return entries;
}

describe('layers applied one over the other', () => {
  test.each<[string, SampleEntry[][], Record<string, string>]>([
    ['a file over a file', [[{ name: 'a', text: '1' }], [{ name: 'a', text: '2' }]], { a: '2' }],
    [
      'a whiteout of a file',
      [
        [
          { name: 'a', text: '1' },
          { name: 'b', text: '1' },
        ],
        [{ name: '.wh.a' }],
      ],
      { b: '1' },
    ],
    [
      'a whiteout of a folder',
      [
        [{ name: 'd/' }, { name: 'd/a', text: '1' }],
        [{ name: '.wh.d' }, { name: 'e', text: '2' }],
      ],
      { e: '2' },
    ],
    [
      'an opaque folder, whose own files may stand before the mark',
      [
        [{ name: 'd/' }, { name: 'd/a', text: '1' }],
        [{ name: 'd/' }, { name: 'd/b', text: '2' }, { name: 'd/.wh..wh..opq' }],
      ],
      { 'd/': 'directory', 'd/b': '2' },
    ],
    [
      'a whiteout in the layer that brings the name again',
      [
        [{ name: 'd/' }, { name: 'd/a', text: '1' }],
        [{ name: 'd/' }, { name: 'd/c', text: '2' }, { name: '.wh.d' }],
      ],
      { 'd/': 'directory', 'd/c': '2' },
    ],
    [
      'a hard link whose other name was replaced',
      [
        [
          { name: 'a', text: '1' },
          { name: 'b', type: 'hardlink', linkname: 'a' },
        ],
        [{ name: 'a', text: '2' }],
      ],
      { a: '2', b: '1' },
    ],
    [
      'a hard link that stays one',
      [[{ name: 'z', text: '1' }], [{ name: 'b', type: 'hardlink', linkname: 'z' }]],
      { b: '1', z: 'hardlink b' },
    ],
    [
      'a folder over a file, and a file over a folder',
      [
        [{ name: 'a', text: '1' }, { name: 'd/' }, { name: 'd/x', text: '1' }],
        [{ name: 'a/' }, { name: 'd', text: '2' }],
      ],
      { 'a/': 'directory', d: '2' },
    ],
    [
      'a name below a link, which leads within the image',
      [[{ name: 'usr/lib/' }, { name: 'lib', type: 'symlink', linkname: 'usr/lib' }], [{ name: 'lib/a', text: '1' }]],
      { lib: 'symlink usr/lib', 'usr/': 'directory', 'usr/lib/': 'directory', 'usr/lib/a': '1' },
    ],
    [
      'a link that would lead out of the image',
      [[{ name: 'out', type: 'symlink', linkname: '../../etc' }], [{ name: 'out/a', text: '1' }]],
      { 'etc/': 'directory', 'etc/a': '1', out: 'symlink ../../etc' },
    ],
    [
      'folders that nobody lists',
      [[{ name: './x/y/z', text: '1' }]],
      { 'x/': 'directory', 'x/y/': 'directory', 'x/y/z': '1' },
    ],
    [
      'names that are long',
      [[{ name: `${'n'.repeat(99)}/${'m'.repeat(150)}`, text: '1' }]],
      {
        [`${'n'.repeat(99)}/`]: 'directory',
        [`${'n'.repeat(99)}/${'m'.repeat(150)}`]: '1',
      },
    ],
  ])('%s', async (_name, layers, expected) => {
    expect((await flatten(layers)).entries).toEqual(expected);
  });

  test.each<[string, SampleEntry[][]]>([
    ['a name that leads out', [[{ name: '../a', text: '1' }]]],
    ['a hard link to nothing', [[{ name: 'a', type: 'hardlink', linkname: 'b' }]]],
    ['a hard link to a folder', [[{ name: 'b/' }, { name: 'a', type: 'hardlink', linkname: 'b' }]]],
    ['a whiteout of the folder above', [[{ name: 'd/.wh...' }]]],
    [
      'links in a circle',
      [[{ name: 'a', type: 'symlink', linkname: 'b' }, { name: 'b', type: 'symlink', linkname: 'a' }, { name: 'a/x' }]],
    ],
  ])('%s is refused', async (_name, layers) => {
    await expect(flatten(layers)).rejects.toMatchObject({ code: 'IMAGE_INVALID' });
  });
});

test('owners, modes, devices and extended attributes are kept byte for byte, times are not later than the given one', async () => {
  const capability = Buffer.from('0100000280c400000000000000000000ff000000', 'hex');
  const tar = (
    await flatten([
      [
        {
          name: 'a',
          text: '1',
          mode: 0o4755,
          uid: 1000,
          gid: 3_000_000,
          mtime: 1_800_000_000,
          xattrs: new Map([['security.capability', capability]]),
        },
        { name: 'null', type: 'character', deviceMajor: 1, deviceMinor: 3 },
      ],
    ])
  ).tar;
  const found = [];
  for await (const { content: _, ...entry } of readTar(
    (async function* () {
      yield tar;
    })(),
  ))
    found.push(entry);
  expect(found).toEqual([
    entryOf({
      name: 'a',
      text: '1',
      mode: 0o4755,
      uid: 1000,
      gid: 3_000_000,
      mtime: 1_700_000_000,
      xattrs: new Map([['security.capability', capability]]),
    }),
    entryOf({ name: 'null', type: 'character', deviceMajor: 1, deviceMinor: 3 }),
  ]);
});

test('how the layers are packed, and in which order their files stand, changes nothing', async () => {
  const files: SampleEntry[] = [
    { name: 'a', text: '1' },
    { name: 'b', text: '2' },
  ];
  const config = {
    User: '1',
    Env: ['A=b'],
    Healthcheck: { Test: ['CMD', '/a'] },
    Labels: { a: 'b' },
    StopSignal: 'SIGINT',
  };
  const results = [
    await flatten([files], 'plain', config),
    await flatten([files], 'gzip', config),
    await flatten([files], 'zstd', config),
    await flatten([[...files].reverse()], 'plain', config),
    await flatten([files.slice(0, 1), files.slice(1)], 'plain', config),
  ];
  expect(new Set(results.map(({ digest }) => digest)).size).toBe(1);
  expect(results[0]?.config.config).toEqual(config);
  expect((await flatten([files], 'plain', { ...config, User: '2' })).digest).not.toBe(results[0]?.digest);
});

test.each([
  ['a wrong checksum', (tar: Buffer) => tar.fill(1, 0, 1)],
  ['an end in the middle', (tar: Buffer) => tar.subarray(0, 700)],
  ['bytes behind the end', (tar: Buffer) => Buffer.concat([tar, Buffer.from('more')])],
  ['an unknown type', (tar: Buffer) => Buffer.concat([patched(tar, 'S'), Buffer.alloc(0)])],
])('a layer with %s is refused', async (_name, change) => {
  const source = join(host.temp, 'damaged');
  await writeLayout(source, [Buffer.from(change(tarOf([{ name: 'a', text: '1' }])))]);
  await expect(flattenAt(source)).rejects.toMatchObject({ code: 'IMAGE_INVALID' });
});

/** With another type, and the checksum that belongs to it. */
function patched(tar: Buffer, flag: string): Buffer {
  const copy = Buffer.from(tar);
  copy.write(flag, 156, 'latin1');
  copy.fill(0x20, 148, 156);
  const sum = copy.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  copy.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return copy;
}

describe('two builds of an image', () => {
  const base: SampleEntry = { name: 'etc/a', text: '1' };
  test.each<[string, SampleEntry[], object, string]>([
    ['content', [{ ...base, text: '2' }], {}, 'linux/amd64, layer 1, etc/a: its content differs'],
    ['time', [{ ...base, mtime: 6 }], {}, 'its time is 1970-01-01T00:00:05.000Z and 1970-01-01T00:00:06.000Z'],
    ['mode', [{ ...base, mode: 0o755 }], {}, 'its mode or owner is 644 0:0 and 755 0:0'],
    ['a further file', [base, { name: 'etc/b' }], {}, 'layer 1, etc/b: only one build left it'],
    ['the time of the image', [base], { created: '2024-01-02T00:00:00Z' }, 'linux/amd64, created: it is'],
    ['a setting', [base], { config: { User: '1' } }, 'linux/amd64, config.User: it is null and "1"'],
    ['packing', [base], { packing: 'gzip' }, 'the same files, packed in another way'],
  ])('that differ in %s are told apart', async (_name, entries, options, reason) => {
    const [first, second] = [join(host.temp, 'first'), join(host.temp, 'second')];
    await writeLayout(first, [tarOf([base])]);
    await writeLayout(second, [tarOf(entries)], options);
    expect(await compareLayouts(first, first)).toEqual([]);
    const told = (await compareLayouts(first, second)).map((difference) => `${difference.path}: ${difference.reason}`);
    expect(told).toEqual([expect.stringContaining(reason)]);
  });

  test('that differ in the order of their files are told so', async () => {
    const [first, second] = [join(host.temp, 'first'), join(host.temp, 'second')];
    const other: SampleEntry = { name: 'etc/b', text: '2' };
    await writeLayout(first, [tarOf([base, other])]);
    await writeLayout(second, [tarOf([other, base])]);
    expect(await compareLayouts(first, second)).toEqual([
      { path: 'linux/amd64, layer 1, etc/a', reason: 'the order differs from here on; sort the names' },
    ]);
  });
});
