import { createHash } from 'node:crypto';

/** Append-only tree of RFC 6962, section 2.1, over leaf data kept in memory. */
export class MerkleTree {
  readonly #leaves: Buffer[] = [];

  get size(): number {
    return this.#leaves.length;
  }

  /** Returns the index of the new leaf. */
  append(data: Buffer): number {
    return this.#leaves.push(hash(0, data)) - 1;
  }

  root(): Buffer {
    return treeHash(this.#leaves);
  }

  /** Audit path of a leaf, lowest sibling first (RFC 6962, section 2.1.1). */
  proof(index: number): readonly Buffer[] {
    return auditPath(index, this.#leaves);
  }
}

function hash(prefix: 0 | 1, ...parts: readonly Buffer[]): Buffer {
  const digest = createHash('sha256').update(Buffer.from([prefix]));
  for (const part of parts) digest.update(part);
  return digest.digest();
}

function treeHash(leaves: readonly Buffer[]): Buffer {
  const [only] = leaves;
  if (only === undefined) return createHash('sha256').digest();
  if (leaves.length === 1) return only;
  const split = largestPowerBelow(leaves.length);
  return hash(1, treeHash(leaves.slice(0, split)), treeHash(leaves.slice(split)));
}

function auditPath(index: number, leaves: readonly Buffer[]): readonly Buffer[] {
  if (leaves.length <= 1) return [];
  const split = largestPowerBelow(leaves.length);
  const left = leaves.slice(0, split);
  const right = leaves.slice(split);
  if (index < split) return [...auditPath(index, left), treeHash(right)];
  return [...auditPath(index - split, right), treeHash(left)];
}

function largestPowerBelow(count: number): number {
  let power = 1;
  while (power * 2 < count) power *= 2;
  return power;
}
