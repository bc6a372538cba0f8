import { byText, unique } from './order.js';

/** Sets of names that mean the same vulnerability. */
export class AliasGroups {
  readonly #parent = new Map<string, string>();

  /** All `ids` are one vulnerability; the relation is transitive over every call. */
  unite(ids: readonly string[]): void {
    const [first, ...rest] = ids;
    if (first === undefined) return;
    const root = this.find(first);
    for (const id of rest) this.#join(root, this.find(id));
  }

  /** The smallest id of the group: the same whatever the order of the calls. */
  find(id: string): string {
    let root = id;
    for (let next = this.#parent.get(root); next !== undefined; next = this.#parent.get(root)) root = next;
    // Shortened on the way, so that a long chain is walked once.
    for (let current = id; current !== root; ) {
      const next = this.#parent.get(current) ?? root;
      this.#parent.set(current, root);
      current = next;
    }
    return root;
  }

  #join(a: string, b: string): void {
    const [left, right] = [this.find(a), this.find(b)];
    if (left === right) return;
    if (byText(left, right) < 0) this.#parent.set(right, left);
    else this.#parent.set(left, right);
  }
}

/** Groups records by their ids and aliases, transitively; each group lists record ids, sorted. Never by `related`. */
export function groupByAliases(
  records: readonly { readonly id: string; readonly aliases: readonly string[] }[],
): readonly (readonly string[])[] {
  const groups = new AliasGroups();
  for (const { id, aliases } of records) groups.unite([id, ...aliases]);
  const members = new Map<string, string[]>();
  for (const { id } of records) members.set(groups.find(id), [...(members.get(groups.find(id)) ?? []), id]);
  return [...members.values()].map(unique).sort((a, b) => byText(a[0] ?? '', b[0] ?? ''));
}
