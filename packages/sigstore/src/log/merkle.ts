import { createHash } from 'node:crypto';

/** Hash of a leaf (RFC 6962, section 2.1). */
export function leafHash(data: Uint8Array): Buffer {
  return createHash('sha256')
    .update(Buffer.from([0]))
    .update(data)
    .digest();
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return createHash('sha256')
    .update(Buffer.from([1]))
    .update(left)
    .update(right)
    .digest();
}

/**
 * The root of a tree of `size` leaves in which `leaf` stands at `index`, by its audit path (RFC 9162, section 2.1.3.2); `undefined` for
 * an index outside of the tree or a path of another length.
 */
export function rootFromPath(
  leaf: Uint8Array,
  { index, size, path }: { readonly index: number; readonly size: number; readonly path: readonly Uint8Array[] },
): Uint8Array | undefined {
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) return undefined;
  let [at, last, root] = [index, size - 1, leaf];
  for (const sibling of path) {
    if (last === 0) return undefined;
    if (at % 2 === 0 && at !== last) root = nodeHash(root, sibling);
    else {
      root = nodeHash(sibling, root);
      // The last node of an odd level goes up alone until it has a sibling.
      while (at % 2 === 0 && at !== 0) [at, last] = [at / 2, Math.floor(last / 2)];
    }
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  return last === 0 ? root : undefined;
}

interface RangeNode {
  readonly level: number;
  readonly hash: Buffer;
}

/** The first `size` leaves of a tree, as the roots of their largest full subtrees: what is needed to append, and to know the root. */
export class CompactRange {
  #size = 0;
  readonly #nodes: RangeNode[] = [];

  get size(): number {
    return this.#size;
  }

  copy(): CompactRange {
    const copy = new CompactRange();
    copy.#size = this.#size;
    copy.#nodes.push(...this.#nodes);
    return copy;
  }

  /** Appends a full subtree of 2^level leaves, which must begin at a multiple of that number. */
  append(level: number, hash: Buffer): void {
    if (this.#size % 2 ** level !== 0) throw new RangeError('the subtree is not aligned');
    let added: RangeNode = { level, hash };
    for (let last = this.#nodes.at(-1); last?.level === added.level; last = this.#nodes.at(-1)) {
      this.#nodes.pop();
      added = { level: last.level + 1, hash: nodeHash(last.hash, added.hash) };
    }
    this.#nodes.push(added);
    this.#size += 2 ** level;
  }

  root(): Buffer {
    const last = this.#nodes.at(-1);
    if (last === undefined) return createHash('sha256').digest();
    return this.#nodes.slice(0, -1).reduceRight((right, { hash }) => nodeHash(hash, right), last.hash);
  }
}

/** The largest full subtree that begins at leaf `from` and ends at leaf `to` or before; `from` must be below `to`. */
export function subtreeAt(from: number, to: number): { readonly level: number; readonly index: number } {
  let level = 0;
  while (from % 2 ** (level + 1) === 0 && from + 2 ** (level + 1) <= to) level++;
  return { level, index: from / 2 ** level };
}
