import { existsSync } from 'node:fs';
import { readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { digestHex, sha256 } from '@paved/digest';
import { openLayout, readBlob } from '../src/index.js';
import { layoutOf, membersOf, scratch, type TarMember, tarOf } from './scratch.js';

const FIXTURES = join(dirname(fileURLToPath(import.meta.url)), '../../../../shared/fixtures');

test('an archive opens as the folder it was made of, also with ./ and other files in it, and its blobs are read in place', async () => {
  const layout = await layoutOf({ a: 'one', b: 'two'.repeat(1000), c: '' });
  const members = (await membersOf(layout.path)).map(([{ name }, body]): TarMember => [{ name: `./${name}` }, body]);
  const tar = await tarOf([
    [{ name: './blobs/', type: 'directory' }, ''],
    ...members,
    [{ name: 'manifest.json' }, '[]'],
  ]);
  const opened = await openLayout(tar);
  expect(opened.root.digest).toBe(layout.root.digest);
  for (const [position, source] of opened.blobs.entries()) {
    const expected = await readBlob(layout.blobs[position] ?? source, 10_000);
    expect((await readBlob(source, 10_000)).equals(expected)).toBe(true);
  }
});

test('long names come through pax and GNU headers', async () => {
  const layout = await layoutOf({ a: 'one' });
  const long = `${'d'.repeat(120)}/${'e'.repeat(120)}`;
  const members = await membersOf(layout.path);
  const tar = await tarOf([[{ name: long }, 'x'], ...members]);
  expect((await openLayout(tar)).root.digest).toBe(layout.root.digest);
  // The same with GNU's header: type L, then the member under a shortened name.
  const gnu = Buffer.concat([
    header('././@LongLink', 'L', long.length + 1),
    padded(`${long}\0`),
    header('ddd', '0', 1),
    padded('x'),
  ]);
  await writeFile(tar, Buffer.concat([gnu, await readFile(await tarOf(members))]));
  expect((await openLayout(tar)).root.digest).toBe(layout.root.digest);
});

function padded(text: string): Buffer {
  return Buffer.concat([Buffer.from(text), Buffer.alloc((512 - (Buffer.byteLength(text) % 512)) % 512)]);
}

function header(name: string, type: string, size: number | Buffer): Buffer {
  const block = Buffer.alloc(512);
  block.write(name, 0, 100);
  block.write('0000644\0', 100);
  if (typeof size === 'number') block.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  else size.copy(block, 124);
  block.write(' '.repeat(8), 148);
  block.write(type, 156);
  block.write('ustar\0', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

function pax(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length++;
  return `${length}${rest}`;
}

/** An extended header with one record. */
function extended(type: string, key: string, value: string): Buffer {
  const record = pax(key, value);
  return Buffer.concat([header('p', type, record.length), padded(record)]);
}

const END = Buffer.alloc(1024);

async function archiveOf(...parts: readonly Buffer[]): Promise<string> {
  const path = join(await scratch(), 'raw.tar');
  await writeFile(path, Buffer.concat(parts));
  return path;
}

async function goodParts(): Promise<readonly Buffer[]> {
  const layout = await layoutOf({ a: 'one' });
  const members = await membersOf(layout.path);
  return members.flatMap(([{ name }, body]) => [header(name, '0', body.length), padded(body.toString('latin1'))]);
}

describe('headers that two readers could read differently', () => {
  test('the same archive without them (control)', async () => {
    const path = await archiveOf(...(await goodParts()), END);
    expect((await openLayout(path)).blobs).toHaveLength(2);
  });

  const base256 = Buffer.from([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
  const negative = Buffer.alloc(12, 0xff);
  const huge = Buffer.from([0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
  const unsafe = Buffer.from([0x80, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
  const twice = `${pax('path', 'a')}${pax('path', 'b')}`;
  test.each<[string, readonly Buffer[], boolean]>([
    ['a size in base 256', [header('x', '0', base256), padded('x')], true],
    ['a pax size that differs', [extended('x', 'size', '1'), header('x', '0', 99), padded('x')], true],
    ['a global header with a comment', [extended('g', 'comment', 'a')], true],
    ['a negative size', [header('x', '0', negative)], false],
    ['a size that is not octal', [header('x', '0', Buffer.from('00000000009\0'))], false],
    ['a wrong checksum', [Buffer.from(header('x', '0', 0)).fill('y', 0, 1)], false],
    ['a global path', [extended('g', 'path', 'a')], false],
    ['a global size', [extended('g', 'size', '0')], false],
    ['a sparse member', [extended('x', 'GNU.sparse.map', '0,1'), header('x', '0', 1), padded('x')], false],
    ['GNU sparse', [header('x', 'S', 0)], false],
    [
      'a pax record of wrong length',
      [header('p', 'x', 9), padded('99 size=1'), header('x', '0', 1), padded('x')],
      false,
    ],
    ['a pax size that is no number', [extended('x', 'size', '-1'), header('x', '0', 1)], false],
    ['a pax path that leaves', [extended('x', 'path', '../x'), header('x', '0', 0)], false],
    ['a file named as a directory', [header('x/', '0', 0)], false],
    ['a contiguous file', [header('x', '7', 0)], false],
    ['a member beyond the end', [header('x', '0', 0o77777777)], false],
    ['a directory', [header('d/', '5', 0)], true],
    ['the root as directory', [header('./', '5', 0), header('.', '5', 0)], true],
    ['a directory with content that is a member', [header('d/', '5', 512), header('index.json', '0', 0)], false],
    ['a directory with a pax size', [extended('x', 'size', '512'), header('d/', '5', 0), header('y', '0', 0)], false],
    ['a size in base 256 that is larger than the archive', [header('x', '0', huge)], false],
    ['a size in base 256 that is no safe number', [header('x', '0', unsafe)], false],
    ['a size with digits behind its end', [header('x', '0', Buffer.from('0000001\u00000007'.padEnd(12, '\0')))], false],
    ['star sparse', [extended('x', 'SCHILY.realsize', '9'), header('x', '0', 1), padded('x')], false],
    ['Solaris sparse', [extended('x', 'SUN.holesdata', '9'), header('x', '0', 1), padded('x')], false],
    ['a pax path with NUL', [extended('x', 'path', 'index.json\0x'), header('x', '0', 0)], false],
    ['an empty pax path', [extended('x', 'path', ''), header('x', '0', 0)], false],
    ['one pax key twice', [header('p', 'x', twice.length), padded(twice), header('x', '0', 0)], false],
    [
      'two pax headers with a path',
      [extended('x', 'path', 'a'), extended('x', 'path', 'b'), header('x', '0', 0)],
      false,
    ],
    [
      'two pax headers with a size',
      [extended('x', 'size', '0'), extended('x', 'size', '0'), header('x', '0', 0)],
      false,
    ],
    [
      'a GNU name beside a pax path',
      [header('l', 'L', 2), padded('a\0'), extended('x', 'path', 'b'), header('x', '0', 0)],
      false,
    ],
    ['a GNU name with two ends', [header('l', 'L', 12), padded('index.json\0x'), header('x', '0', 0)], false],
    ['an empty GNU name', [header('l', 'L', 1), padded('\0'), header('x', '0', 0)], false],
    ['a GNU long link', [header('l', 'K', 2), padded('a\0'), header('x', '0', 0)], false],
    ['a volume label', [header('label', 'V', 0)], false],
    ['a hard link to a blob', [header('blobs/sha256/x', '1', 0)], false],
    ['a symbolic link', [header('x', '2', 0)], false],
    ['./ twice', [header('././x', '0', 0)], false],
    ['an empty part in a path', [header('blobs//x', '0', 0)], false],
    ['a dot in a path', [header('blobs/./x', '0', 0)], false],
    ['index.json under another spelling', [header('.//index.json', '0', 0)], false],
    ['index.json twice', [header('index.json', '0', 0)], false],
    ['index.json twice, by a pax path', [extended('x', 'path', './index.json'), header('x', '0', 0)], false],
  ])('%s', async (_name, parts, opens) => {
    const opening = openLayout(await archiveOf(...parts, ...(await goodParts()), END));
    if (opens) await opening;
    else await expect(opening).rejects.toMatchObject({ code: 'LAYOUT_INVALID' });
  });

  test('a header that describes nothing, and no end', async () => {
    const parts = await goodParts();
    const dangling = await archiveOf(
      ...parts,
      header('p', 'x', pax('path', 'a').length),
      padded(pax('path', 'a')),
      END,
    );
    await expect(openLayout(dangling)).rejects.toMatchObject({ code: 'LAYOUT_INVALID' });
    await expect(openLayout(await archiveOf(...parts))).rejects.toMatchObject({ code: 'LAYOUT_INVALID' });
  });
});

describe('behind the end of an archive', () => {
  test.each<[string, Buffer, boolean]>([
    ['nothing but one block of zeros', Buffer.alloc(512), true],
    ['padding to a record', Buffer.alloc(10_240), true],
    ['padding that is no full block', Buffer.alloc(1024 + 100), true],
    ['padding of megabytes', Buffer.alloc(3 * 1024 * 1024 + 1), true],
    ['a byte', Buffer.concat([END, Buffer.from('x')]), false],
    ['a byte after megabytes', Buffer.concat([Buffer.alloc(3 * 1024 * 1024), Buffer.from('x')]), false],
    ['another index.json', Buffer.concat([END, header('index.json', '0', 2), padded('{}'), END]), false],
    [
      'another index.json after one block of zeros',
      Buffer.concat([Buffer.alloc(512), header('index.json', '0', 2), padded('{}'), END]),
      false,
    ],
  ])('%s: %p', async (_name, end, opens) => {
    const opening = openLayout(await archiveOf(...(await goodParts()), end));
    if (opens) await opening;
    else await expect(opening).rejects.toMatchObject({ code: 'LAYOUT_INVALID' });
  });
});

describe('hostile archives', () => {
  test.each<[string, readonly TarMember[]]>([
    ['traversal', [[{ name: '../index.json' }, '{}']]],
    ['traversal inside', [[{ name: 'blobs/../../x' }, '{}']]],
    ['an absolute path', [[{ name: '/index.json' }, '{}']]],
    ['a symbolic link', [[{ name: 'index.json', type: 'symlink', linkname: '/etc/passwd' }, '']]],
    ['a hard link', [[{ name: 'index.json', type: 'link', linkname: 'x' }, '']]],
    ['a device', [[{ name: 'index.json', type: 'character-device' }, '']]],
    ['a named pipe', [[{ name: 'index.json', type: 'fifo' }, '']]],
    ['a backslash', [[{ name: 'blobs\\..\\x' }, '']]],
    [
      'a member twice',
      [
        [{ name: 'index.json' }, '{}'],
        [{ name: './index.json' }, '[]'],
      ],
    ],
  ])('%s is refused', async (_name, members) => {
    const layout = await layoutOf({ a: 'one' });
    const good = (await membersOf(layout.path)).filter(
      ([{ name }]) => !members.some((member) => member[0].name === name),
    );
    await expect(openLayout(await tarOf([...good, ...members]))).rejects.toMatchObject({ code: 'LAYOUT_INVALID' });
  });

  test('too many members, an archive that is a link, and compressed ones are refused', async () => {
    const layout = await layoutOf({ a: 'one' });
    const tar = await tarOf(await membersOf(layout.path));
    await openLayout(tar, { limits: { maxEntries: 5 } });
    await expect(openLayout(tar, { limits: { maxEntries: 4 } })).rejects.toMatchObject({ code: 'LAYOUT_INVALID' });
    const folder = await scratch();
    await symlink(tar, join(folder, 'link.tar'));
    await expect(openLayout(join(folder, 'link.tar'))).rejects.toMatchObject({ code: 'LAYOUT_INVALID' });
    await writeFile(join(folder, 'a.tar.gz'), gzipSync(await readFile(tar), { level: 0 }));
    await expect(openLayout(join(folder, 'a.tar.gz'))).rejects.toThrow(/compressed with gzip/);
  });

  test('a truncated archive and a changed byte are refused', async () => {
    const layout = await layoutOf({ a: 'x'.repeat(2000) });
    const tar = await tarOf(await membersOf(layout.path));
    const bytes = await readFile(tar);
    await writeFile(tar, bytes.subarray(0, 1200));
    await expect(openLayout(tar)).rejects.toMatchObject({ code: 'LAYOUT_INVALID' });
    bytes[bytes.indexOf('xxxx')] = 0x79;
    await writeFile(tar, bytes);
    await expect(openLayout(tar)).rejects.toMatchObject({ code: 'LAYOUT_DIGEST_MISMATCH' });
    const late = await openLayout(tar, { blobs: 'when-read' });
    const blob = late.blobs.find(({ descriptor }) => descriptor.size === 2000);
    expect(blob?.descriptor.digest).toBe(sha256('x'.repeat(2000)));
    if (blob !== undefined) await expect(readBlob(blob, 2000)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });

  test('an archive that grew shorter after it was opened fails when it is read', async () => {
    const layout = await layoutOf({ a: 'x'.repeat(2000) });
    const hex = digestHex(sha256('x'.repeat(2000)));
    const members = (await membersOf(layout.path)).sort(
      ([a], [b]) => Number(a.name.endsWith(hex)) - Number(b.name.endsWith(hex)),
    );
    const tar = await tarOf(members);
    const { blobs } = await openLayout(tar);
    await writeFile(tar, (await readFile(tar)).subarray(0, -2000));
    const [blob] = blobs.filter(({ descriptor }) => descriptor.size === 2000);
    if (blob === undefined) throw new Error('the blob is there');
    await expect(readBlob(blob, 2000)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });
});

describe('archives of other tools', () => {
  const run = existsSync(join(FIXTURES, 'oci-layouts/tar')) ? test : test.skip;

  run.each([
    ['hello-oci-gzip.tar', 'opened'],
    ['hello-oci-multiplatform-gzip.tar', 'opened'],
    ['hello-world.tar', 'LAYOUT_INVALID'],
  ])('%s: %s', async (name, outcome) => {
    const found = await openLayout(join(FIXTURES, 'oci-layouts/tar', name)).then(
      () => 'opened',
      (error) => String(error.code),
    );
    expect(found).toBe(outcome);
  });

  run('of the evil archives only images of docker save open, and none that is unsafe', async () => {
    const expected = JSON.parse(await readFile(join(FIXTURES, 'evil-archives/expected.json'), 'utf8')) as {
      files: Record<string, { unsafe: boolean }>;
    };
    const opened: string[] = [];
    for (const [name, { unsafe }] of Object.entries(expected.files)) {
      if (!name.endsWith('.tar')) continue;
      const code = await openLayout(join(FIXTURES, 'evil-archives', name)).then(
        () => 'opened',
        (error) => String(error.code),
      );
      if (code === 'opened' && !unsafe) opened.push(name);
      else expect([name, code]).toEqual([name, 'LAYOUT_INVALID']);
    }
    // What is odd about them is inside a layer, and a layer is not unpacked here.
    expect(opened.every((name) => name.startsWith('image/'))).toBe(true);
    expect(opened.length).toBeLessThan(4);
  });
});
