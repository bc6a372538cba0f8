import { describe, expect, test } from '@jest/globals';
import { CompactRange, leafHash, nodeHash, rootFromPath } from '../src/log/merkle.js';

const leaf = (index: number) => leafHash(Buffer.from(`leaf ${index}`));

/** RFC 6962, section 2.1: by its recursive definition. */
function rootOf(from: number, to: number): Buffer {
  if (to - from === 1) return leaf(from);
  const split = from + 2 ** Math.floor(Math.log2(to - from - 1));
  return nodeHash(rootOf(from, split), rootOf(split, to));
}

/** RFC 6962, section 2.1.1. */
function pathOf(index: number, from: number, to: number): readonly Buffer[] {
  if (to - from === 1) return [];
  const split = from + 2 ** Math.floor(Math.log2(to - from - 1));
  return index < split
    ? [...pathOf(index, from, split), rootOf(split, to)]
    : [...pathOf(index, split, to), rootOf(from, split)];
}

describe.each(Array.from({ length: 33 }, (_, at) => at + 1))('in a tree of %i', (size) => {
  const root = rootOf(0, size);
  const indexes = Array.from({ length: size }, (_, index) => index);

  test('the path of every leaf leads to the root', () => {
    const range = new CompactRange();
    for (const index of indexes) range.append(0, leaf(index));
    expect(range.root()).toEqual(root);
    for (const index of indexes) {
      expect(rootFromPath(leaf(index), { index, size, path: pathOf(index, 0, size) })).toEqual(root);
    }
  });

  test('no other leaf, index, size or path does', () => {
    for (const index of indexes) {
      const path = pathOf(index, 0, size);
      const differs = (changed: Partial<{ index: number; size: number; path: readonly Buffer[] }>, of = leaf(index)) =>
        expect(root.equals(rootFromPath(of, { index, size, path, ...changed }) ?? Buffer.alloc(0))).toBe(false);
      differs({}, leaf(size));
      if (size > 1) differs({ index: (index + 1) % size });
      differs({ index: index + size });
      differs({ index: -1 });
      differs({ index: index + 0.5 });
      differs({ size: index });
      differs({ path: [...path, leaf(0)] });
      if (path.length > 0) differs({ path: path.slice(1) });
      if (path.length > 0) differs({ path: [leaf(size), ...path.slice(1)] });
    }
  });
});

test.each([Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])('%d is no index', (index) => {
  expect(rootFromPath(leaf(0), { index, size: 2 ** 54, path: [] })).toBeUndefined();
});
