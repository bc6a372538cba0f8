/** Entries of a list in a JSON document, as pairs of offsets: where each object begins, and where it ends. */
export type EntryBounds = readonly number[];

const ZERO = 0x30;
const NINE = 0x39;

/**
 * A list whose entries are parsed each time they are read, and kept by nobody. Of a report with a hundred thousand matches one is in memory
 * at a time, and the collector of garbage has nothing to carry: that is more than half of the time that the whole document would take.
 * To its readers it is an array.
 * @param onMalformed makes the error for an entry that is no JSON
 */
export function lazyList(
  bytes: Buffer,
  bounds: EntryBounds,
  onMalformed: (cause: unknown) => Error,
): readonly unknown[] {
  const length = bounds.length / 2;
  const indexOf = (key: string | symbol): number | undefined => {
    if (typeof key === 'symbol') return undefined;
    const code = key.charCodeAt(0);
    const index = code >= ZERO && code <= NINE ? Number(key) : -1;
    return Number.isInteger(index) && index >= 0 && index < length ? index : undefined;
  };
  return new Proxy<unknown[]>(new Array(length), {
    get(target, key, receiver) {
      const index = indexOf(key);
      if (index === undefined) return Reflect.get(target, key, receiver);
      try {
        return JSON.parse(bytes.toString('utf8', bounds[2 * index], bounds[2 * index + 1]));
      } catch (cause) {
        throw onMalformed(cause);
      }
    },
    has: (target, key) => indexOf(key) !== undefined || Reflect.has(target, key),
  });
}
