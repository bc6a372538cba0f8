import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, test } from '@jest/globals';
import {
  assertSameDigest,
  DigestStream,
  digestHex,
  LimitStream,
  parseDigest,
  sha256,
  sha256File,
  sha512Base64,
} from '../src/index.js';

/** FIPS 180-4 example: SHA-256 of "abc". */
const ABC = 'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';

describe('a digest', () => {
  test('is computed as the standard says', () => {
    expect(sha256('abc')).toBe(ABC);
    expect(digestHex(sha256('abc'))).toBe(ABC.slice(7));
    expect(sha512Base64(Buffer.from('abc'))).toMatch(/^3a81oZNherrMQXNJriBBMRLm.*==$/);
  });

  test.each([
    '',
    'sha256:',
    ABC.toUpperCase(),
    `${ABC}0`,
    ABC.slice(0, -1),
    `md5:${'0'.repeat(32)}`,
    `sha512:${'0'.repeat(64)}`,
    ` ${ABC}`,
    `${ABC}\n`,
  ])('refuses %j', (text) => {
    expect(() => parseDigest(text)).toThrow(expect.objectContaining({ code: 'DIGEST_INVALID' }));
  });

  test('names what does not match', () => {
    expect(() => assertSameDigest('blob', sha256('a'), sha256('b'))).toThrow(
      /Cannot accept blob: its digest is .*, expected/,
    );
    assertSameDigest('blob', sha256('a'), sha256('a'));
  });
});

describe('streams', () => {
  test('hash and count while they pass bytes on', async () => {
    const stream = new DigestStream();
    expect(() => stream.digest).toThrow(expect.objectContaining({ code: 'DIGEST_INVALID' }));
    const seen: Buffer[] = [];
    await pipeline(
      Readable.from([Buffer.from('a'), Buffer.from('bc')]),
      stream,
      async (source: AsyncIterable<Buffer>) => {
        for await (const chunk of source) seen.push(chunk);
      },
    );
    expect([stream.digest, stream.size, Buffer.concat(seen).toString()]).toEqual([ABC, 3, 'abc']);
  });

  test.each([
    [3, true],
    [2, false],
  ])('a limit of %i bytes on three bytes: %s', async (maxBytes, passes) => {
    const run = pipeline(
      Readable.from([Buffer.from('abc')]),
      new LimitStream('x', maxBytes),
      async (source: AsyncIterable<Buffer>) => {
        for await (const _ of source);
      },
    );
    if (passes) await run;
    else await expect(run).rejects.toMatchObject({ code: 'SIZE_EXCEEDED' });
  });

  test('a file', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'digest-')), 'abc');
    writeFileSync(path, 'abc');
    expect(await sha256File(path)).toBe(ABC);
  });
});
