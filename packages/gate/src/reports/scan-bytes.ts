import type { EntryBounds } from './lazy-list.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACE = 0x7d;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
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
const MAX_BLANKS = 100;
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

/** Where no list is open. */
const NONE = -1;

/** Ends early, with what was seen, at a depth above `maxDepth`. Says nothing about whether the bytes are JSON. */
export function scanBytes(bytes: Buffer, maxDepth: number): Shape {
  let depth = 0;
  let containers = 0;
  let values = 0;
  // The last string: before a colon and a bracket it is the name of a list.
  let name = 0;
  let nameEnd = 0;
  let list: OpenList | undefined;
  // Depth of the open list's entries, in a variable of its own: nearly every byte is compared with it.
  let level = NONE;
  const lists: LongList[] = [];
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index] as number;
    if (byte === QUOTE) {
      if (depth === level) level = NONE;
      name = index + 1;
      nameEnd = endOfString(bytes, name);
      index = nameEnd;
    } else if (byte === COMMA) {
      values++;
      if (depth === level && list?.separates() !== true) level = NONE;
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      containers++;
      if (depth === level && list?.opens(byte, index) !== true) level = NONE;
      if (++depth > maxDepth) return { depth, containers, values, lists: [] };
      if (byte === OPEN_BRACKET && level === NONE && isList(bytes, name, nameEnd, index)) {
        list = new OpenList(index);
        level = depth;
      }
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      depth--;
      if (depth === level && list?.closes(byte, index) !== true) level = NONE;
      if (depth < level) {
        const found = list?.finish(byte, index);
        if (found !== undefined) lists.push(found);
        level = NONE;
      }
    } else if (depth === level && byte > SPACE) level = NONE;
  }
  return { depth: maxDepth, containers, values, lists };
}

/** A list that is being read; it is given up, and parsed with its document, when it holds anything but objects with commas between. */
class OpenList {
  readonly #start: number;
  readonly #bounds: number[] = [];
  #expects: 'entry' | 'comma' = 'entry';

  constructor(start: number) {
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

/** Whether the bracket at `bracket` opens a list with one of the names: the name, a colon, the bracket, and blanks between. */
function isList(bytes: Buffer, start: number, end: number, bracket: number): boolean {
  if (end - start > LONGEST_NAME || !LISTS.has(bytes.toString('latin1', start, end))) return false;
  return /^"\s*:\s*$/.test(bytes.toString('latin1', end, Math.min(bracket, end + MAX_BLANKS)));
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
