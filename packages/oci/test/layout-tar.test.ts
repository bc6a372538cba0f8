import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { type Header, pack } from 'tar-stream';
import { extractLayoutTar, openLayout } from '../src/index.js';
import { layoutOf, scratch } from './scratch.js';

const FIXTURES = join(dirname(fileURLToPath(import.meta.url)), '../../../../shared/fixtures');

async function tarOf(members: readonly (readonly [Partial<Header> & { readonly name: string }, string | Buffer])[]) {
  const archive = pack();
  for (const [header, body] of members) {
    if (header.type === undefined || header.type === 'file') archive.entry(header as Header, body);
    else archive.entry(header as Header);
  }
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive as AsyncIterable<Buffer>) chunks.push(chunk);
  const path = join(await scratch(), 'layout.tar');
  await writeFile(path, Buffer.concat(chunks));
  return path;
}

async function membersOf(layoutPath: string): Promise<[{ name: string }, Buffer][]> {
  const names = [
    'oci-layout',
    'index.json',
    ...(await readdir(join(layoutPath, 'blobs/sha256'))).map((hex) => `blobs/sha256/${hex}`),
  ];
  return await Promise.all(
    names.map(async (name): Promise<[{ name: string }, Buffer]> => [{ name }, await readFile(join(layoutPath, name))]),
  );
}

test('an archive opens as the folder it was made of, also with ./ and other files in it', async () => {
  const layout = await layoutOf({ a: 'one', b: 'two' });
  const members = (await membersOf(layout.path)).map(([{ name }, body]) => [{ name: `./${name}` }, body] as const);
  const tar = await tarOf([
    [{ name: './blobs/', type: 'directory' }, ''],
    ...members,
    [{ name: 'manifest.json' }, '[]'],
  ]);
  const target = await scratch();
  await extractLayoutTar(tar, target);
  expect((await openLayout(target)).root.digest).toBe(layout.root.digest);
  expect(await readdir(target)).toEqual(['blobs', 'index.json', 'oci-layout']);
});

describe('hostile archives', () => {
  test.each<[string, readonly (readonly [Partial<Header> & { readonly name: string }, string])[]]>([
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
    const target = await scratch();
    await expect(extractLayoutTar(await tarOf(members), target)).rejects.toMatchObject({ code: 'LAYOUT_INVALID' });
  });

  test('too many members and too many bytes are refused', async () => {
    const tar = await tarOf([
      [{ name: 'index.json' }, '{"a":1}'],
      [{ name: 'oci-layout' }, '{}'],
    ]);
    await expect(extractLayoutTar(tar, await scratch(), { maxEntries: 1 })).rejects.toMatchObject({
      code: 'LAYOUT_INVALID',
    });
    await expect(extractLayoutTar(tar, await scratch(), { maxBytes: 8 })).rejects.toMatchObject({
      code: 'LAYOUT_INVALID',
    });
    await extractLayoutTar(tar, await scratch(), { maxEntries: 2, maxBytes: 9 });
  });

  test('a truncated archive is refused', async () => {
    const layout = await layoutOf({ a: 'x'.repeat(2000) });
    const tar = await tarOf(await membersOf(layout.path));
    const bytes = await readFile(tar);
    await writeFile(tar, bytes.subarray(0, 1200));
    await expect(extractLayoutTar(tar, await scratch())).rejects.toMatchObject({ code: 'LAYOUT_INVALID' });
  });
});

describe('archives of other tools', () => {
  const run = existsSync(join(FIXTURES, 'oci-layouts/tar')) ? test : test.skip;

  run.each([
    ['hello-oci-gzip.tar', 'opened'],
    ['hello-oci-multiplatform-gzip.tar', 'opened'],
    ['hello-world.tar', 'LAYOUT_INVALID'],
  ])('%s: %s', async (name, outcome) => {
    const target = await scratch();
    await extractLayoutTar(join(FIXTURES, 'oci-layouts/tar', name), target);
    const found = await openLayout(target).then(
      () => 'opened',
      (error) => String(error.code),
    );
    expect(found).toBe(outcome);
  });

  run('of the evil archives nothing lands outside and nothing opens', async () => {
    const expected = JSON.parse(await readFile(join(FIXTURES, 'evil-archives/expected.json'), 'utf8')) as {
      files: Record<string, { unsafe: boolean }>;
    };
    for (const name of Object.keys(expected.files).filter((file) => file.endsWith('.tar'))) {
      const target = await scratch();
      const opened = extractLayoutTar(join(FIXTURES, 'evil-archives', name), target).then(() => openLayout(target));
      await expect(opened).rejects.toMatchObject({ code: 'LAYOUT_INVALID' });
      expect(await readdir(target)).toEqual([]);
    }
  });
});
