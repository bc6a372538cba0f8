/** Entries of a list in a JSON document, as pairs of offsets: where each object begins, and where it ends. */
export type EntryBounds = readonly number[];

const ZERO = 0x30;
const NINE = 0x39;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
/** Bytes that are parsed at once: fewer cost more calls, more would live longer than the young generation of the heap. */
const BATCH_BYTES = 64 * 1024;

/** Entries from `first` on, of which one batch is in memory at a time. */
interface Batch {
  readonly first: number;
  readonly entries: readonly unknown[];
}

class Batches {
  readonly #bytes: Buffer;
  readonly #bounds: EntryBounds;
  readonly #onMalformed: (cause: unknown) => Error;
  #current: Batch = { first: 0, entries: [] };
  #scratch = Buffer.allocUnsafe(BATCH_BYTES + 2);

  constructor(bytes: Buffer, bounds: EntryBounds, onMalformed: (cause: unknown) => Error) {
    this.#bytes = bytes;
    this.#bounds = bounds;
    this.#onMalformed = onMalformed;
  }

  at(index: number): unknown {
    const { first, entries } = this.#current;
    if (index >= first && index < first + entries.length) return entries[index - first];
    this.#current = { first: index, entries: this.#parse(index) };
    return this.#current.entries[0];
  }

  /** Between two entries there is nothing but a comma and blanks, so that a run of them is what stands in a list. */
  #parse(first: number): readonly unknown[] {
    const bounds = this.#bounds;
    const start = bounds[2 * first] as number;
    let end = 2 * first + 1;
    while (end + 2 < bounds.length && (bounds[end + 2] as number) - start <= BATCH_BYTES) end += 2;
    let entries: unknown;
    try {
      entries = JSON.parse(this.#textOf(start, bounds[end] as number));
    } catch (cause) {
      throw this.#onMalformed(cause);
    }
    const expected = (end + 1) / 2 - first;
    if (Array.isArray(entries) && entries.length === expected) return entries;
    throw this.#onMalformed(new Error(`not ${expected} entries`));
  }

  /** The brackets are put around the bytes: put around the text they would make the engine copy it. */
  #textOf(start: number, end: number): string {
    const length = end - start + 2;
    if (this.#scratch.length < length) this.#scratch = Buffer.allocUnsafe(length);
    this.#scratch[0] = OPEN_BRACKET;
    this.#bytes.copy(this.#scratch, 1, start, end);
    this.#scratch[length - 1] = CLOSE_BRACKET;
    return this.#scratch.toString('utf8', 0, length);
  }
}

/**
 * A list whose entries are parsed when they are read, some at a time, and kept by nobody: the collector of garbage has nothing to carry,
 * which is more than half of the time that the whole document would take. To its readers it is an array.
 * @param onMalformed makes the error for entries that are no JSON
 */
export function lazyList(
  bytes: Buffer,
  bounds: EntryBounds,
  onMalformed: (cause: unknown) => Error,
): readonly unknown[] {
  const length = bounds.length / 2;
  const batches = new Batches(bytes, bounds, onMalformed);
  const indexOf = (key: string | symbol): number | undefined => {
    if (typeof key === 'symbol') return undefined;
    const code = key.charCodeAt(0);
    const index = code >= ZERO && code <= NINE ? Number(key) : -1;
    return Number.isInteger(index) && index >= 0 && index < length ? index : undefined;
  };
  return new Proxy<unknown[]>(new Array(length), {
    get(target, key, receiver) {
      const index = indexOf(key);
      return index === undefined ? Reflect.get(target, key, receiver) : batches.at(index);
    },
    has: (target, key) => indexOf(key) !== undefined || Reflect.has(target, key),
  });
}
