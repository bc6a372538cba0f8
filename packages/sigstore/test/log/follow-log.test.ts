import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { HttpClient } from '@paved/http';
import { startTileLog, type TileLogDouble } from '@paved/testkit';
import { tileName } from '../../src/log/tile-reader.js';
import { followLog, logsOf, type TransparencyLog } from '../../src/log.js';
import { parseTrustedRoot } from '../../src/trusted-root.js';
import { rootOf as rootWith } from '../made-instance.js';

let double: TileLogDouble;
let log: TransparencyLog;
let http: HttpClient;

const rootOf = (...tlogs: readonly object[]) => parseTrustedRoot(JSON.stringify(rootWith(tlogs)));
const fill = (count: number) => {
  while (double.entries.length < count) double.entries.push(Buffer.from(`entry ${double.entries.length}`));
};
const follow = (saved?: string) => followLog({ log, http, saved });
const readAll = async (from: number, saved?: string) => {
  const read: string[] = [];
  for await (const { entries } of (await follow(saved)).read(from)) read.push(...entries.map(String));
  return read;
};

beforeEach(async () => {
  double = await startTileLog();
  http = new HttpClient({ retry: { attempts: 1 } });
  [log] = logsOf(rootOf(double.trusted), new Date()).followed as [TransparencyLog];
});
afterEach(async () => {
  http.close();
  await double.close();
});

describe('a log that keeps its word', () => {
  test.each([
    [0, 1],
    [0, 255],
    [0, 256],
    [0, 257],
    [1, 2],
    [100, 300],
    [255, 256],
    [256, 600],
    [300, 300],
    [511, 1025],
  ])('from %i to %i: every entry is read, and is in the tree', async (from, size) => {
    fill(from);
    const saved = double.checkpoint();
    fill(size);
    expect(await readAll(from, saved)).toEqual(double.entries.slice(from).map(String));
  });

  test('of more than one level of tiles', async () => {
    fill(65_536 + 300);
    const read = await readAll(65_500, double.checkpoint(65_500));
    expect(read).toEqual(double.entries.slice(65_500).map(String));
    expect(double.requests.some(({ path }) => path.includes('tile/1/'))).toBe(true);
  });

  test('partial tiles may be gone when the full ones are there', async () => {
    fill(300);
    const saved = double.checkpoint(290);
    const followed = await follow(saved);
    fill(512);
    double.tamper = (path, bytes) => (path.includes('.p/') ? undefined : bytes);
    const read: string[] = [];
    for await (const { entries } of followed.read(290)) read.push(...entries.map(String));
    expect(read).toEqual(double.entries.slice(290, 300).map(String));
  });
});

describe('a log that does not', () => {
  const refused = async (work: Promise<unknown>, code: string) => await expect(work).rejects.toMatchObject({ code });

  test('shrinks', async () => {
    fill(300);
    const saved = double.checkpoint();
    double.entries.pop();
    await refused(follow(saved), 'LOG_SHRUNK');
  });

  test.each([0, 1])('forks, with %i entries more', async (more) => {
    fill(300);
    const saved = double.checkpoint();
    double.entries[7] = Buffer.from('another');
    fill(300 + more);
    await refused(follow(saved), 'LOG_FORKED');
  });

  test('shows an entry that is not in the tree', async () => {
    fill(300);
    double.tamper = (path, bytes) => {
      if (path.includes('entries/001')) bytes.writeUInt8((bytes.at(-1) ?? 0) ^ 1, bytes.length - 1);
      return bytes;
    };
    await refused(readAll(0), 'LOG_ENTRY_MISMATCH');
  });

  test.each([
    ['a wrong hash', (bytes: Buffer) => Buffer.concat([Buffer.from([(bytes[0] ?? 0) ^ 1]), bytes.subarray(1)])],
    ['too few hashes', (bytes: Buffer) => bytes.subarray(32)],
    ['half a hash', (bytes: Buffer) => bytes.subarray(1)],
    ['nothing', () => undefined],
  ])('serves a tile with %s', async (_what, change) => {
    fill(300);
    const saved = double.checkpoint(200);
    double.tamper = (path, bytes) => (path.startsWith('tile/0/') ? change(bytes) : bytes);
    await refused(follow(saved), 'LOG_TILE_INVALID');
  });

  test.each([
    ['that ends too early', (bytes: Buffer) => bytes.subarray(0, -1)],
    ['without its last entry', (bytes: Buffer) => bytes.subarray(0, bytes.lastIndexOf('entry') - 2)],
  ])('serves a bundle %s', async (_what, change) => {
    fill(20);
    double.tamper = (path, bytes) => (path.startsWith('tile/entries/') ? change(bytes) : bytes);
    await refused(readAll(0), 'LOG_TILE_INVALID');
  });

  test.each([
    ['another size', (text: string) => text.replace('\n20\n', '\n21\n')],
    ['another origin', (text: string) => text.replace('127.0.0.1', '127.0.0.2')],
    ['no signature', (text: string) => text.slice(0, text.indexOf('\u2014'))],
    ['a size that is no number', (text: string) => text.replace('\n20\n', '\n0x14\n')],
    ['no note', () => ''],
  ])('signs a checkpoint with %s', async (_what, change) => {
    fill(20);
    double.tamper = (path, bytes) => (path === 'checkpoint' ? Buffer.from(change(String(bytes))) : bytes);
    await refused(follow(), 'CHECKPOINT_INVALID');
  });

  test('a saved checkpoint of another log is no state', async () => {
    fill(20);
    await refused(follow(double.checkpoint().replace('\n20\n', '\n19\n')), 'LOG_STATE_INVALID');
  });
});

describe('the logs of a trusted root', () => {
  const period = (start: string, end?: string) => {
    const { publicKey, ...rest } = double.trusted as { publicKey: object };
    return { ...rest, publicKey: { ...publicKey, validFor: { start, ...(end === undefined ? {} : { end }) } } };
  };
  test.each([
    ['open', period, '2025-01-01T00:00:00Z', undefined, 1],
    ['not open yet', period, '2027-01-01T00:00:00Z', undefined, 0],
    ['closed yesterday', period, '2025-01-01T00:00:00Z', '2026-05-31T00:00:00Z', 1],
    ['closed long ago', period, '2025-01-01T00:00:00Z', '2026-01-01T00:00:00Z', 0],
  ])('a log that is %s', (_what, make, start, end, count) => {
    expect(logsOf(rootOf(make(start, end)), new Date('2026-06-01T00:00:00Z')).followed).toHaveLength(count);
  });

  test('fields of null, and what only some logs have, are no hindrance', () => {
    const { publicKey, logId, ...rest } = period('2025-01-01T00:00:00Z') as typeof double.trusted & {
      publicKey: object;
    };
    const { validFor } = publicKey as { validFor?: object };
    const ending = {
      ...rest,
      logId,
      operator: null,
      publicKey: { ...publicKey, validFor: { ...validFor, end: null } },
    };
    const renamed = { ...rest, publicKey, logId: null, checkpointKeyId: logId };
    expect(logsOf(rootOf(ending, renamed), new Date()).followed).toEqual([log, log]);
  });

  test('a log keeps its id, by which its state is known, when the trusted root adds another one', () => {
    const { logId } = double.trusted as typeof double.trusted & { logId: { keyId: string } };
    const short = Buffer.from(logId.keyId, 'base64').subarray(0, 4).toString('base64');
    const both = { ...double.trusted, checkpointKeyId: { keyId: short } };
    expect(logsOf(rootOf(both), new Date()).followed).toEqual([log]);
    const plain = { ...both, logId: { keyId: Buffer.alloc(32).toString('base64') } };
    expect(logsOf(rootOf(plain), new Date()).followed).toMatchObject([{ logId: Buffer.from(short, 'base64') }]);
  });

  test('a log without an address is passed over', () => {
    const { baseUrl: _url, ...rest } = double.trusted as typeof double.trusted & { baseUrl: string };
    expect(logsOf(rootOf(rest, { ...rest, baseUrl: 'log' }), new Date())).toEqual({
      followed: [],
      others: ['', 'log'],
    });
  });

  test('a log of v1 is named, and not followed', () => {
    const { logId: _logId, ...rest } = double.trusted;
    const old = { ...rest, logId: { keyId: Buffer.alloc(32).toString('base64') } };
    expect(logsOf(rootOf(old), new Date())).toEqual({ followed: [], others: [double.url] });
  });
});

test.each([
  [0, '000'],
  [67, '067'],
  [1000, 'x001/000'],
  [1_234_067, 'x001/x234/067'],
])('tile %i is named %s', (index, name) => {
  expect(tileName(index)).toBe(name);
});
