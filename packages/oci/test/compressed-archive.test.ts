import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync, constants as zlib, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { sha256 } from '@paved/digest';
import { type OciLayout, openLayout, readBlob } from '../src/index.js';
import { layoutOf, membersOf, scratch, tarOf } from './scratch.js';

const CONTENTS = { a: 'one', b: 'two'.repeat(500_000) };

async function plainTar(contents: Readonly<Record<string, string>> = CONTENTS): Promise<Buffer> {
  return await readFile(await tarOf(await membersOf((await layoutOf(contents)).path)));
}

const COMPRESSORS = {
  gzip: (bytes: Buffer) => gzipSync(bytes),
  zstd: (bytes: Buffer) => zstdCompressSync(bytes, { params: { [zlib.ZSTD_c_checksumFlag]: 1 } }),
} as const;
const KINDS = Object.keys(COMPRESSORS) as (keyof typeof COMPRESSORS)[];

interface Opening {
  readonly opening: Promise<OciLayout>;
  readonly spoolFolder: string;
}

async function open(bytes: Buffer, name = 'layout', maxBytes?: number): Promise<Opening> {
  const folder = await scratch();
  const spoolFolder = join(folder, 'spool');
  await mkdir(spoolFolder);
  await writeFile(join(folder, name), bytes);
  const opening = openLayout(join(folder, name), { spool: { folder: async () => spoolFolder, maxBytes } });
  opening.catch(() => undefined);
  return { opening, spoolFolder };
}

/** The opening fails with `code`, and leaves no file. */
async function expectRefused({ opening, spoolFolder }: Opening, code: string): Promise<void> {
  await expect(opening).rejects.toMatchObject({ code });
  expect(await readdir(spoolFolder)).toEqual([]);
}

describe.each(KINDS)('an archive that is compressed with %s', (kind) => {
  const compress = COMPRESSORS[kind];

  test('opens as the plain one whatever its name is, from one file that only its owner reads', async () => {
    const plain = await plainTar();
    const { opening, spoolFolder } = await open(compress(plain), 'layout.tar');
    const layout = await opening;
    expect(layout.root.digest).toBe((await layoutOf(CONTENTS)).root.digest);
    expect(await readdir(spoolFolder)).toHaveLength(1);
    expect((await stat(layout.path)).mode & 0o777).toBe(0o600);
    expect((await readFile(layout.path)).equals(plain)).toBe(true);
    for (const blob of layout.blobs) await readBlob(blob, 4_000_000);
  });

  test('is refused where nobody says where to decompress it', async () => {
    const folder = await scratch();
    await writeFile(join(folder, 'a.tar'), compress(await plainTar()));
    await expect(openLayout(join(folder, 'a.tar'))).rejects.toMatchObject({ code: 'LAYOUT_INVALID' });
  });

  test('is held to its digests: one changed byte of a blob', async () => {
    const plain = await plainTar();
    plain[plain.indexOf('twotwotwo')] = 0x54;
    await expectRefused(await open(compress(plain)), 'LAYOUT_DIGEST_MISMATCH');
  });

  test.each([1, 2, 8, 9, 100])('is refused when its last %i bytes are missing', async (missing) => {
    await expectRefused(await open(compress(await plainTar()).subarray(0, -missing)), 'ARCHIVE_DAMAGED');
  });

  test('is refused when it is cut off within its first bytes', async () => {
    const bytes = compress(await plainTar());
    for (let length = 4; length < 20; length++) {
      await expectRefused(await open(bytes.subarray(0, length)), 'ARCHIVE_DAMAGED');
    }
  });

  test.each<[string, (plain: Buffer) => Buffer]>([
    ['a byte', () => Buffer.from([0])],
    ['zeros to a full block', () => Buffer.alloc(512)],
    ['text', () => Buffer.from('trailing')],
    ['a second part', (plain) => compress(plain)],
    ['an empty second part', () => compress(Buffer.alloc(0))],
  ])('is refused when %s follows', async (_name, more) => {
    const plain = await plainTar();
    await expectRefused(await open(Buffer.concat([compress(plain), more(plain)])), 'ARCHIVE_DAMAGED');
  });

  test('is refused when the tar itself is in two parts', async () => {
    const plain = await plainTar();
    const parts = [plain.subarray(0, 1024), plain.subarray(1024)].map((part) => compress(part));
    await expectRefused(await open(Buffer.concat(parts)), 'ARCHIVE_DAMAGED');
  });

  test('is refused with a wrong checksum', async () => {
    const bytes = compress(await plainTar());
    const position = bytes.length - (kind === 'gzip' ? 8 : 4);
    bytes[position] = (bytes[position] ?? 0) ^ 1;
    await expectRefused(await open(bytes), 'ARCHIVE_DAMAGED');
  });

  test('is refused with a changed byte in its data', async () => {
    const bytes = compress(
      await plainTar({ a: 'x', b: Array.from({ length: 5000 }, (_, i) => sha256(`${i}`)).join() }),
    );
    const position = bytes.length >> 1;
    bytes[position] = (bytes[position] ?? 0) ^ 0xff;
    await expectRefused(await open(bytes), 'ARCHIVE_DAMAGED');
  });

  test('that decompresses to more than the limit is stopped there; exactly the limit passes', async () => {
    const bomb = compress(Buffer.alloc(64 * 1024 * 1024));
    expect(bomb.length).toBeLessThan(100_000);
    await expectRefused(await open(bomb, 'bomb', 4 * 1024 * 1024), 'ARCHIVE_TOO_LARGE');
    const plain = await plainTar();
    await expectRefused(await open(compress(plain), 'layout', plain.length - 1), 'ARCHIVE_TOO_LARGE');
    await (await open(compress(plain), 'layout', plain.length)).opening;
  });

  test('inside another one is refused, and so is something that is no archive', async () => {
    await expectRefused(await open(compress(gzipSync(await plainTar()))), 'LAYOUT_INVALID');
    await expectRefused(await open(compress(Buffer.from('no archive'))), 'LAYOUT_INVALID');
    await expectRefused(await open(compress(Buffer.alloc(0))), 'LAYOUT_INVALID');
  });
});

test('what docker save wrote, compressed', async () => {
  const layer = 'layer';
  const config = JSON.stringify({ os: 'linux', architecture: 'amd64', rootfs: { diff_ids: [sha256(layer)] } });
  const manifest = JSON.stringify([{ Config: 'c.json', Layers: ['l.tar'] }]);
  const names = { 'c.json': config, 'l.tar': layer, 'manifest.json': manifest };
  const tar = await tarOf(Object.entries(names).map(([name, body]) => [{ name }, body]));
  const plain = await openLayout(tar);
  const { opening } = await open(gzipSync(await readFile(tar)));
  expect((await opening).root.digest).toBe(plain.root.digest);
});

describe('gzip headers', () => {
  const fields: readonly [string, number, Buffer][] = [
    ['a name', 0x08, Buffer.from('layout.tar\0')],
    ['a comment', 0x10, Buffer.from('built here\0')],
    ['an extra field', 0x04, Buffer.from([3, 0, 1, 2, 3])],
    ['a checksum of the header', 0x02, Buffer.from([0, 0])],
  ];
  const withField = (bytes: Buffer, flag: number, field: Buffer) => {
    const head = Buffer.from(bytes.subarray(0, 10));
    head[3] = flag;
    return Buffer.concat([head, field, bytes.subarray(10)]);
  };

  test.each(fields)('with %s are read', async (_name, flag, field) => {
    await (await open(withField(gzipSync(await plainTar()), flag, field))).opening;
  });

  test.each<[string, number, Buffer]>([
    ['a reserved flag', 0x20, Buffer.alloc(0)],
    ['an extra field that goes beyond the end', 0x04, Buffer.from([0xff, 0xff])],
  ])('with %s are refused', async (_name, flag, field) => {
    const small = gzipSync(await plainTar({ a: 'x' }));
    await expectRefused(await open(withField(small, flag, field)), 'ARCHIVE_DAMAGED');
  });

  test('with a name that has no end are refused', async () => {
    const head = Buffer.from([0x1f, 0x8b, 8, 0x08, 0, 0, 0, 0, 0, 3]);
    await expectRefused(await open(Buffer.concat([head, Buffer.alloc(100_000, 0x61)])), 'ARCHIVE_DAMAGED');
  });

  test('a length that is not the one that came out is refused', async () => {
    const bytes = gzipSync(await plainTar());
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    await expectRefused(await open(bytes), 'ARCHIVE_DAMAGED');
  });
});

describe('zstd frames', () => {
  test.each<[string, Buffer]>([
    ['a reserved bit', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x08, 0, 1, 0, 0])],
    ['a dictionary', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x21, 7, 0, 1, 0, 0])],
    ['a block of no type', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, 0, 0x07, 0, 0])],
    ['a window larger than any memory', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xff, 1, 0, 0])],
    ['a block that goes beyond the end', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, 0, 0xf1, 0xff, 0x00])],
  ])('with %s are refused', async (_name, bytes) => {
    await expectRefused(await open(bytes), 'ARCHIVE_DAMAGED');
  });

  test('without a checksum are read: the digests are compared all the same', async () => {
    await (await open(zstdCompressSync(await plainTar()))).opening;
  });
});

test('another compression is named, and a link is not followed', async () => {
  const xz = Buffer.concat([Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]), Buffer.alloc(1024)]);
  await expectRefused(await open(xz), 'LAYOUT_INVALID');
  await expect((await open(xz)).opening).rejects.toThrow(/compressed with xz/);
  const folder = await scratch();
  await writeFile(join(folder, 'real'), gzipSync(await plainTar()));
  await symlink(join(folder, 'real'), join(folder, 'link'));
  const opening = openLayout(join(folder, 'link'), { spool: { folder: async () => folder } });
  await expect(opening).rejects.toMatchObject({ code: 'LAYOUT_INVALID' });
});
