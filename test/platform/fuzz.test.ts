import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parseTrust } from '@paved/attestation';
import { parseDigest } from '@paved/digest';
import { PavedError } from '@paved/errors';
import { parseConfig } from '@paved/toolchain';

const RUNS = 400;

/** Mulberry32: the same seed gives the same bytes, so that a failure can be run again. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const TOKENS = [
  '{',
  '}',
  '[',
  ']',
  '"',
  ',',
  ':',
  'null',
  '-1',
  '1e999',
  '\u0000',
  '\ud800',
  '__proto__',
  '${{ x }}',
  '\n',
];

/** One to five edits: a byte dropped, a piece doubled, a token put in, the end cut off. */
function mutate(text: string, next: () => number): string {
  let mutated = text;
  const at = () => Math.floor(next() * (mutated.length + 1));
  for (let edit = Math.ceil(next() * 5); edit > 0; edit--) {
    const [from, to] = [at(), at()].sort((a, b) => a - b) as [number, number];
    const kind = Math.floor(next() * 4);
    if (kind === 0) mutated = mutated.slice(0, from) + mutated.slice(from + 1);
    else if (kind === 1)
      mutated = mutated.slice(0, to) + mutated.slice(from, Math.min(to, from + 200)) + mutated.slice(to);
    else if (kind === 2)
      mutated = mutated.slice(0, from) + TOKENS[Math.floor(next() * TOKENS.length)] + mutated.slice(from);
    else mutated = mutated.slice(0, to);
  }
  return mutated;
}

const TARGETS: readonly (readonly [string, string, (text: string) => unknown])[] = [
  ['trust.json', readFileSync('trust.json', 'utf8'), parseTrust],
  ['the configuration', readFileSync('paved.config.yml', 'utf8'), parseConfig],
  ['a digest', `sha256:${'0a'.repeat(32)}`, parseDigest],
];

describe('a parser of outside text', () => {
  test.each(TARGETS)(
    'of %s accepts its document, and answers every other with one of our errors',
    (_what, text, parser) => {
      expect(() => parser(text)).not.toThrow();
      let refused = 0;
      for (let seed = 1; seed <= RUNS; seed++) {
        try {
          parser(mutate(text, random(seed)));
        } catch (error) {
          expect([seed, error]).toEqual([seed, expect.any(PavedError)]);
          refused += 1;
        }
      }
      expect(refused).toBeGreaterThan(RUNS / 10);
    },
  );
});
