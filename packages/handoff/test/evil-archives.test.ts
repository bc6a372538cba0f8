import { existsSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { FolderService } from './folder-service.js';
import { pax, rawEntry, tar } from './tar-builder.js';

const REFUSED = 'HANDOFF_ARCHIVE_REFUSED';
const good = { name: 'a.txt', body: 'hello' };
const long = (length: number) => 'n'.repeat(length);

let service: FolderService;
beforeAll(async () => {
  service = await FolderService.open();
});
afterAll(() => service.close());

/** Whatever was refused, nothing of it may be left. */
async function receive(bytes: Buffer): Promise<string | readonly string[]> {
  const before = await readdir(service.path('temp'));
  const outcome = await service.receive(bytes);
  if (typeof outcome === 'string') expect(await readdir(service.path('temp'))).toEqual(before);
  return outcome;
}

describe('own archives', () => {
  test.each([
    ['an absolute name', tar({ ...good, name: '/etc/x' })],
    ['a parent', tar({ ...good, name: '../x' })],
    ['a parent in the middle', tar({ ...good, name: 'a/../../x' })],
    ['a parent in the prefix', tar({ ...good, prefix: '..' })],
    ['a backslash parent', tar({ ...good, name: '..\\x' })],
    ['a drive letter', tar({ ...good, name: 'C:x' })],
    ['a dot segment', tar({ ...good, name: './x' })],
    ['an empty segment', tar({ ...good, name: 'a//x' })],
    ['an empty name', tar({ ...good, name: '' })],
    ['a trailing slash', tar({ ...good, name: 'a/' })],
    ['a line feed in a name', tar({ ...good, name: 'a\nb' })],
    ['a NUL that hides the rest of a name', tar({ ...good, name: 'a\0../b' })],
    ['a name that is not UTF-8', tar({ ...good, name: Buffer.from([0xff, 0xfe]) })],
    ['a symbolic link', tar({ name: 'l', type: '2', linkname: '/etc/passwd' })],
    ['a hard link', tar(good, { name: 'l', type: '1', linkname: 'a.txt' })],
    ['a folder', tar({ name: 'd', type: '5' })],
    ['a character device', tar({ name: 'd', type: '3' })],
    ['a block device', tar({ name: 'd', type: '4' })],
    ['a named pipe', tar({ name: 'd', type: '6' })],
    ['a contiguous file', tar({ ...good, type: '7' })],
    ['a sparse file', tar({ ...good, type: 'S' })],
    ['a GNU long name', tar({ name: '././@LongLink', type: 'L', body: '../x\0' }, good)],
    ['an unknown kind', tar({ ...good, type: 'Z' })],
    ['a regular file with a link target', tar({ ...good, linkname: 'b' })],
    ['a set-user-id file', tar({ ...good, mode: 0o4755 })],
    ['the same name twice', tar(good, good)],
    ['names that differ only in case', tar(good, { ...good, name: 'A.TXT' })],
    ['folders that differ only in case', tar({ ...good, name: 'd/x' }, { ...good, name: 'D/y' })],
    ['names that differ only in normalisation', tar(pax({ path: 'e\u0301' }), good, pax({ path: '\u00e9' }), good)],
    [
      'names that differ only in how case is folded',
      tar({ ...good, name: 'stra\u00dfe' }, { ...good, name: 'STRASSE' }),
    ],
    ['names that differ only in a final letter', tar({ ...good, name: '\u03c2' }, { ...good, name: '\u03c3' })],
    ['names that differ only in what nobody sees', tar(good, { ...good, name: 'a\u200b.txt' })],
    ['a file that is also a folder', tar({ ...good, name: 'd' }, { ...good, name: 'd/x' })],
    ['a folder that is also a file', tar({ ...good, name: 'd/x' }, { ...good, name: 'd' })],
    ['an extended parent', tar(pax({ path: '../x' }), good)],
    ['an extended size', tar(pax({ path: 'x', size: '1' }), good)],
    ['an extended link', tar(pax({ linkpath: '/etc' }), good)],
    ['an extended path given twice', tar(rawEntry({ name: 'p', type: 'x', body: '9 path=a\n9 path=b\n' }), good)],
    ['a global extended header', tar(pax({ path: 'x' }, 'g'), good)],
    ['two extended headers', tar(pax({ path: 'x' }), pax({ path: 'y' }), good)],
    ['an extended header of no file', tar(good, pax({ path: 'x' }))],
    [
      'an extended header that lies about its length',
      tar(rawEntry({ name: 'p', type: 'x', body: '99 path=a\n' }), good),
    ],
    ['a long extended name', tar(pax({ path: long(1025) }), good)],
    ['a long segment', tar(pax({ path: long(256) }), good)],
    ['a deep name', tar(pax({ path: `${'a/'.repeat(64)}b` }), good)],
    ['a wrong checksum', tar({ ...good, checksumError: 1 })],
    ['another magic', tar({ ...good, magic: 'ustar  \0' })],
    ['a size beyond the end', tar({ ...good, size: 100_000 })],
    ['a base-256 size', tar({ ...good, size: '\x80\0\0\0\0\0\0\0\0\0\0\x05' })],
    ['a negative size', tar({ ...good, size: '-0000000001\0' })],
    ['no end', rawEntry(good)],
    ['a truncated header', tar(good).subarray(0, 700)],
    ['a second archive behind the end', Buffer.concat([tar(good), tar(good)])],
    ['no file at all', tar()],
    ['nothing', Buffer.alloc(0)],
    ['a compressed archive', gzipSync(tar(good))],
    ['a zip', Buffer.from('504b0304140000000000', 'hex')],
  ])('with %s are refused, and leave nothing', async (_name, bytes) => {
    expect(await receive(bytes)).toBe(REFUSED);
  });

  test.each([
    ['one file', tar(good), ['a.txt']],
    ['folders by name', tar({ ...good, name: 'd/x' }, { ...good, name: 'd/y' }), ['d/x', 'd/y']],
    ['an empty file', tar({ name: 'empty' }), ['empty']],
    ['a prefix', tar({ ...good, prefix: 'd' }), ['d/a.txt']],
    ['an extended path', tar(pax({ path: `${long(120)}/\u00e9` }), good), [`${long(120)}/\u00e9`]],
    ['more zeros at the end', Buffer.concat([tar(good), Buffer.alloc(8192)]), ['a.txt']],
  ])('with %s are accepted', async (_name, bytes, files) => {
    expect(await receive(bytes)).toEqual(files);
  });
});

const CORPUS = join(process.cwd(), '..', 'shared', 'fixtures', 'evil-archives');

interface CorpusFile {
  readonly entries?: readonly { readonly name: string }[];
}

/** The only ones that are nothing but regular files in plain ustar; all others are refused, also where other readers go on. */
const ACCEPTED = new Set(['node-tar/file.tar', 'go/ustar-file-devs.tar']);

(existsSync(CORPUS) ? describe : describe.skip)('the corpus of other tools (skipped where it is absent)', () => {
  const expected = existsSync(CORPUS)
    ? (JSON.parse(readFileSync(join(CORPUS, 'expected.json'), 'utf8')) as { files: Record<string, CorpusFile> }).files
    : {};
  test.each(Object.entries(expected))('%s', async (name, file) => {
    const outcome = await receive(readFileSync(join(CORPUS, name)));
    expect(outcome).toEqual(ACCEPTED.has(name) ? file.entries?.map((entry) => entry.name) : REFUSED);
  });
});
