import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { describeError } from '@paved/errors';
import {
  array,
  boolean,
  canonicalJson,
  integer,
  literal,
  nullable,
  object,
  oneOf,
  optional,
  parseJson,
  readJsonFile,
  record,
  refine,
  string,
  unknown,
} from '../src/index.js';

const person = object({
  name: string,
  age: optional(integer),
  tags: array(string),
  kind: literal('a', 'b'),
  note: nullable(string),
});

describe('decoders', () => {
  test('keep what is named and drop the rest', () => {
    expect(person({ name: 'x', tags: [], kind: 'a', note: null, extra: 1 })).toEqual({
      name: 'x',
      tags: [],
      kind: 'a',
      note: null,
    });
  });

  test.each([
    [{ tags: [], kind: 'a', note: null }, '$.name', 'undefined'],
    [{ name: 'x', tags: ['a', 1], kind: 'a', note: null }, '$.tags[1]', 'number'],
    [{ name: 'x', tags: [], kind: 'c', note: null }, '$.kind', 'string'],
    [{ name: 'x', age: 1.5, tags: [], kind: 'a', note: null }, '$.age', 'number'],
    [{ name: 'x', age: null, tags: [], kind: 'a', note: null }, '$.age', 'null'],
    [[], '$', 'array'],
    [null, '$', 'null'],
  ])('name the field: %j', (value, path, kind) => {
    expect(() => person(value)).toThrow(
      expect.objectContaining({
        code: 'JSON_UNEXPECTED',
        message: expect.stringContaining(`"${path}": it is ${kind}`),
      }),
    );
  });

  test('an inherited member is not a member', () => {
    expect(() => object({ toString: string })({})).toThrow(/\$\.toString/);
  });

  test('a map takes __proto__ as a plain key', () => {
    const map = record(string)(JSON.parse('{"__proto__":"x"}'));
    expect([Object.keys(map), Object.getPrototypeOf(map)]).toEqual([['__proto__'], null]);
  });

  test('one of several, and a condition', () => {
    const either = oneOf<string | boolean>(string, boolean);
    expect([either('x'), either(true)]).toEqual(['x', true]);
    expect(() => either(1)).toThrow(/expected boolean/);
    const even = refine(integer, (value) => {
      if (value % 2 !== 0) throw new Error('odd');
      return value;
    });
    expect(even(2)).toBe(2);
    expect(() => object({ n: even })({ n: 3 })).toThrow(/\$\.n/);
  });
});

describe('parsing', () => {
  test.each(['', '{', '[1,]', 'nul'])('refuses %j as malformed', (text) => {
    expect(() => parseJson('the report', text, string)).toThrow(expect.objectContaining({ code: 'JSON_MALFORMED' }));
  });

  test('refuses a file above its limit before reading it', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'json-')), 'x.json');
    writeFileSync(path, JSON.stringify('x'.repeat(100)));
    await expect(readJsonFile(path, string, 50)).rejects.toMatchObject({ code: 'JSON_TOO_LARGE' });
    expect(await readJsonFile(path, string)).toHaveLength(100);
  });
});

describe('canonical JSON (RFC 8785)', () => {
  test('sorts by UTF-16 code units and drops undefined members', () => {
    const value = {
      '\u20ac': 1,
      '\r': 2,
      '\ufb33': 3,
      '1': 4,
      '\ud83d\ude00': 5,
      '\u0080': 6,
      '\u00f6': 7,
      gone: undefined,
    };
    expect(canonicalJson(value)).toBe('{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\ud83d\ude00":5,"\ufb33":3}');
  });

  test('the numbers of the RFC', () => {
    expect(canonicalJson([333333333.3333333, 1e30, 4.5, 2e-3, 1e-27])).toBe(
      '[333333333.3333333,1e+30,4.5,0.002,1e-27]',
    );
    expect(() => canonicalJson(undefined)).toThrow(TypeError);
  });
});

describe('a document that is not JSON', () => {
  test.each(['ghp_canaryCanaryCanary', '{"auth":canary}', '{"a":"canary\n"}', '["canary"', '{"a":"canary" canary}'])(
    '%j is quoted in no message',
    (text) => {
      let failure: unknown;
      try {
        parseJson('the credentials', text, unknown);
      } catch (error) {
        failure = error;
      }
      expect(failure).toMatchObject({ code: 'JSON_MALFORMED' });
      expect(describeError(failure)).not.toContain('cana');
      expect(describeError(failure)).toMatch(/position \d+|breaks off/);
    },
  );
});
