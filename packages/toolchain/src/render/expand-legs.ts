import { isMap, isPair, isScalar, isSeq, type Node, type Pair, type Scalar, visit } from 'yaml';

/** One build machine, as `{{ leg.key }}`, `{{ leg.platform }}` and `{{ leg.runner }}` name it. */
export interface RenderedLeg {
  readonly platform: string;
  /** The platform with `-` for `/`. */
  readonly key: string;
  /** Label of the machines that it is built on. */
  readonly runner: string;
}

const TOKEN = /\{\{ leg\.(key|platform|runner) \}\}/g;

/**
 * Repeats, once for each leg, the smallest thing that names one: a pair by its key, a line of a text, else the item of a list.
 * @returns whether something outside of a list names a leg, which is then left as it is
 */
export function expandLegs(node: unknown, legs: readonly RenderedLeg[]): boolean {
  if (isMap(node)) return expandMap(node as { items: Pair[] }, legs);
  if (isSeq(node)) {
    node.items = node.items.flatMap((item) =>
      expandLegs(item, legs) ? legs.map((leg) => withLeg(item as Node, leg)) : [item],
    );
    return false;
  }
  return isText(node) && expandText(node, legs);
}

function expandMap(map: { items: Pair[] }, legs: readonly RenderedLeg[]): boolean {
  let left = false;
  map.items = map.items.flatMap((pair) => {
    if (isText(pair.key) && names(pair.key.value)) return legs.map((leg) => withLeg(pair, leg));
    left = expandLegs(pair.value, legs) || left;
    return [pair];
  });
  return left;
}

/** A text of one line is not repeated: its item is. */
function expandText(node: Scalar<string>, legs: readonly RenderedLeg[]): boolean {
  if (!node.value.includes('\n')) return names(node.value);
  const lines = node.value.split('\n');
  node.value = lines.flatMap((line) => (names(line) ? legs.map((leg) => named(line, leg)) : [line])).join('\n');
  return false;
}

function withLeg<N extends Node | Pair>(node: N, leg: RenderedLeg): N {
  const copy = (isPair(node) ? node.clone() : node.clone()) as N;
  visit(copy as Node, {
    Scalar(_, scalar) {
      if (isText(scalar)) scalar.value = named(scalar.value, leg);
    },
  });
  return copy;
}

function isText(node: unknown): node is Scalar<string> {
  return isScalar(node) && typeof node.value === 'string';
}

function names(text: string): boolean {
  return text.search(TOKEN) !== -1;
}

function named(text: string, leg: RenderedLeg): string {
  return text.replaceAll(TOKEN, (_, field: 'key' | 'platform' | 'runner') => leg[field]);
}
