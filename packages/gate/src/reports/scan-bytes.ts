import type { EntryBounds } from './lazy-list.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACE = 0x7d;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
const COLON = 0x3a;
const SPACE = 0x20;

/** Members that hold what scanners found, one object each (grype; trivy; osv-scanner and SARIF). */
const LISTS: ReadonlySet<string> = new Set([
  'matches',
  'ignoredMatches',
  'Vulnerabilities',
  'Misconfigurations',
  'Secrets',
  'results',
]);
const LONGEST_NAME = 20;
/** Shorter lists are parsed with their document. */
const MIN_ENTRIES = 256;
const MIN_BYTES = 256 * 1024;

/** A long list in a document: from its opening bracket to behind its closing one. */
export interface LongList {
  readonly start: number;
  readonly end: number;
  readonly bounds: EntryBounds;
}

/** What one pass over the bytes of a JSON document shows, before anything is allocated for them. */
export interface Shape {
  readonly depth: number;
  readonly containers: number;
  readonly values: number;
  readonly lists: readonly LongList[];
}

/** Ends early, with what was seen, at a depth above `maxDepth`. Says nothing about whether the bytes are JSON. */
export function scanBytes(bytes: Buffer, maxDepth: number): Shape {
  let depth = 0;
  let containers = 0;
  let values = 0;
  let name = 0;
  let nameEnd = 0;
  let afterColon = false;
  let list: OpenList | undefined;
  const lists: LongList[] = [];
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index] as number;
    if (byte === QUOTE) {
      if (list?.depth === depth) list = undefined;
      name = index + 1;
      index = endOfString(bytes, name);
      nameEnd = index;
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      containers++;
      if (list?.depth === depth) list = list.opens(byte, index) ? list : undefined;
      if (++depth > maxDepth) return { depth, containers, values, lists: [] };
      if (byte === OPEN_BRACKET && list === undefined && afterColon && isList(bytes, name, nameEnd)) {
        list = new OpenList(depth, index);
      }
      afterColon = false;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      depth--;
      if (list?.depth === depth) list = list.closes(byte, index) ? list : undefined;
      else if (list !== undefined && depth < list.depth) {
        const found = list.finish(byte, index);
        if (found !== undefined) lists.push(found);
        list = undefined;
      }
    } else if (byte === COMMA) {
      values++;
      if (list?.depth === depth && !list.separates()) list = undefined;
    } else if (byte === COLON) afterColon = true;
    else if (byte > SPACE && list?.depth === depth) list = undefined;
    if (byte > SPACE && byte !== COLON) afterColon = false;
  }
  return { depth: maxDepth, containers, values, lists };
}

/** A list that is being read; it is given up, and parsed with its document, when it holds anything but objects with commas between. */
class OpenList {
  /** Depth of its entries' brackets. */
  readonly depth: number;
  readonly #start: number;
  readonly #bounds: number[] = [];
  #expects: 'entry' | 'comma' = 'entry';

  constructor(depth: number, start: number) {
    this.depth = depth;
    this.#start = start;
  }

  opens(byte: number, index: number): boolean {
    if (byte !== OPEN_BRACE || this.#expects !== 'entry') return false;
    this.#bounds.push(index);
    return true;
  }

  closes(byte: number, index: number): boolean {
    if (byte !== CLOSE_BRACE) return false;
    this.#bounds.push(index + 1);
    this.#expects = 'comma';
    return true;
  }

  separates(): boolean {
    const fits = this.#expects === 'comma';
    this.#expects = 'entry';
    return fits;
  }

  finish(byte: number, index: number): LongList | undefined {
    const isLong = this.#bounds.length >= 2 * MIN_ENTRIES && index - this.#start >= MIN_BYTES;
    if (byte !== CLOSE_BRACKET || this.#expects !== 'comma' || !isLong) return undefined;
    return { start: this.#start, end: index + 1, bounds: this.#bounds };
  }
}

function isList(bytes: Buffer, start: number, end: number): boolean {
  return end - start <= LONGEST_NAME && LISTS.has(bytes.toString('latin1', start, end));
}

/** Most strings are short; of the long ones the engine finds the end, faster than any loop here. */
const SHORT = 48;

/** Index of the quote that ends the string that begins at `from`, or the end of the bytes. */
function endOfString(bytes: Buffer, from: number): number {
  let index = from;
  const short = Math.min(bytes.length, from + SHORT);
  for (; index < short; index++) {
    const byte = bytes[index];
    if (byte === QUOTE) return index;
    if (byte === BACKSLASH) index++;
  }
  // What the last backslash of the loop escapes is behind `index` already.
  for (let start = index; ; ) {
    const quote = bytes.indexOf(QUOTE, start);
    if (quote === -1) return bytes.length;
    let backslashes = 0;
    while (quote - backslashes - 1 >= index && bytes[quote - backslashes - 1] === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return quote;
    start = quote + 1;
  }
}
