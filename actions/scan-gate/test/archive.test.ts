import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { SbomComponent } from '@paved/bom';
import { matchOsv, packageKeys } from '@paved/gate';
import { ARCHIVE_LIMITS, readOsvArchive } from '../src/osv-archive.js';
import { goRecords, zip } from './scenario.js';

const component = (purl: string): SbomComponent => ({ purl, name: purl, licences: [], scope: 'runtime', direct: true });

describe('readOsvArchive', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'paved-archive-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const keys = packageKeys([component('pkg:golang/stdlib@1.0')]);
  const query = { ecosystem: 'Go', keys };

  async function made(change: (bytes: Buffer) => Buffer | Promise<Buffer>, entries?: Record<string, string | Buffer>) {
    const path = join(folder, `${Math.random()}.zip`);
    await zip(path, entries ?? (await goRecords('GO-2022-0535', 'GO-2021-0053')));
    await writeFile(path, await change(await readFile(path)));
    return path;
  }
  const rename = (from: string, to: string) => (bytes: Buffer) =>
    Buffer.from(bytes.toString('latin1').replaceAll(from, to), 'latin1');

  test('keeps the records of the packages alone', async () => {
    const archive = await readOsvArchive(await made((bytes) => bytes), query);
    expect(archive.total).toBe(2);
    expect(archive.records.map(({ id }) => id)).toEqual(['GO-2022-0535']);
  });

  test.each<[string, () => Promise<string>, string]>([
    ['an empty file', () => made(() => Buffer.alloc(0)), 'DATABASE_MALFORMED'],
    ['a truncated zip', () => made((bytes) => bytes.subarray(0, bytes.length / 2)), 'DATABASE_MALFORMED'],
    ['JSON instead of a zip', () => made(() => Buffer.from('{}')), 'DATABASE_MALFORMED'],
    ['a zip without records', () => made((bytes) => bytes, {}), 'DATABASE_EMPTY'],
    ['an entry that climbs', () => made(rename('xx/a.json', '../a.json'), { 'xx/a.json': '{}' }), 'DATABASE_MALFORMED'],
    ['an absolute entry', () => made(rename('xx/a.json', '/xx/a.jso'), { 'xx/a.json': '{}' }), 'DATABASE_MALFORMED'],
    ['another kind of file', () => made((bytes) => bytes, { 'a.exe': 'MZ' }), 'DATABASE_MALFORMED'],
    ['a truncated record', () => made((bytes) => bytes, { 'a.json': '{"id":"GO-1"' }), 'ADVISORY_MALFORMED'],
    ['SARIF in it', () => made((bytes) => bytes, { 'a.json': '{"runs":[]}' }), 'ADVISORY_MALFORMED'],
    ['a bomb', () => made((bytes) => bytes, { 'a.json': Buffer.alloc(8 * 1024 * 1024, 0x20) }), 'DATABASE_TOO_LARGE'],
    [
      'a huge entry',
      () => made((bytes) => bytes, { 'a.json': Buffer.alloc(17 * 1024 * 1024, 0x20) }),
      'DATABASE_TOO_LARGE',
    ],
    [
      'an entry longer than it says',
      async () => {
        const text = JSON.stringify({
          id: 'GO-1',
          modified: '2024-01-01T00:00:00Z',
          affected: [],
          summary: 'x'.repeat(500),
        });
        return await made((bytes) => lieAboutSize(bytes, text.length), { 'a.json': text });
      },
      'DATABASE_MALFORMED',
    ],
  ])('refuses %s', async (_what, path, code) => {
    await expect(readOsvArchive(await path(), query)).rejects.toMatchObject({ code });
  });

  test('refuses a database of another ecosystem', async () => {
    const path = await made((bytes) => bytes);
    await expect(readOsvArchive(path, { ...query, ecosystem: 'npm' })).rejects.toMatchObject({
      code: 'DATABASE_ECOSYSTEM_MISMATCH',
    });
  });

  test.each([
    ['entries', { maxEntries: 1 }],
    ['bytes', { maxTotalBytes: 2000 }],
  ])('caps the %s', async (_what, limit) => {
    const limits = { ...ARCHIVE_LIMITS, ...limit };
    const path = await made((bytes) => bytes);
    await expect(readOsvArchive(path, { ...query, limits })).rejects.toMatchObject({ code: 'DATABASE_TOO_LARGE' });
  });

  const real = join(process.cwd(), '..', 'shared', 'fixtures', 'osv-db', 'osv-scanner', 'Go', 'all.zip');
  (existsSync(real) ? test : test.skip)(
    'agrees with osv-scanner on the whole Go database (skipped without it)',
    async () => {
      const components = [
        'pkg:golang/golang.org/x/net@v0.7.0',
        'pkg:golang/golang.org/x/crypto@v0.5.0',
        'pkg:golang/github.com/gin-gonic/gin@v1.8.1',
        'pkg:golang/stdlib@1.21.99',
      ].map(component);
      const archive = await readOsvArchive(real, { ecosystem: 'Go', keys: packageKeys(components) });
      expect(archive.total).toBe(4291);
      const { findings } = matchOsv(components, archive.records);
      const count = ({ purl }: SbomComponent) => findings.filter((finding) => finding.purl === purl).length;
      expect(components.map(count)).toEqual([16, 20, 1, 58]);
    },
  );
});

/** Sets the uncompressed size of the only entry to one byte less, in the central directory. */
function lieAboutSize(bytes: Buffer, size: number): Buffer {
  const directory = bytes.indexOf(Buffer.from([0x50, 0x4b, 0x01, 0x02]));
  const copy = Buffer.from(bytes);
  copy.writeUInt32LE(size - 1, directory + 24);
  return copy;
}
