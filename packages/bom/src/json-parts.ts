import { BomError } from './error.js';

/** Where a value stands in a document, in bytes; the end is exclusive. */
export interface Part {
  readonly start: number;
  readonly end: number;
}

const [TAB, LF, CR, SPACE] = [0x09, 0x0a, 0x0d, 0x20];
const [QUOTE, COMMA, COLON, BACKSLASH] = [0x22, 0x2c, 0x3a, 0x5c];
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * The members of a document's object, without the values being read: who reads a part decides whether it is JSON. What stands between
 * the parts is held to the grammar here. A name that is there twice is refused, because readers differ in which one they take.
 * @throws {BomError} `SBOM_MALFORMED`
 */
export function membersOf(bytes: Uint8Array): ReadonlyMap<string, Part> {
  const members = new Map<string, Part>();
  // A byte order mark is no part of the text, as for every reader of whole documents.
  const start = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  const end = sequence(bytes, skipBlanks(bytes, start), [OPEN_OBJECT, CLOSE_OBJECT], (at) => {
    const nameEnd = skipString(bytes, at);
    const name: unknown = readPart(bytes, { start: at, end: nameEnd });
    if (typeof name !== 'string' || members.has(name)) throw malformed('a member has no name, or that of another one');
    const colon = skipBlanks(bytes, nameEnd);
    if (bytes[colon] !== COLON) throw malformed('a member has no value');
    const valueStart = skipBlanks(bytes, colon + 1);
    const valueEnd = skipValue(bytes, valueStart);
    members.set(name, { start: valueStart, end: valueEnd });
    return valueEnd;
  });
  if (skipBlanks(bytes, end) !== bytes.length) throw malformed('something follows it');
  return members;
}

/** Whether a part can be a list. */
export function isList(bytes: Uint8Array, { start }: Part): boolean {
  return bytes[start] === OPEN_ARRAY;
}

/** The elements of a list, one after the other, as {@link membersOf}. */
export function elementsOf(bytes: Uint8Array, { start, end }: Part): readonly Part[] {
  const elements: Part[] = [];
  const found = sequence(bytes, start, [OPEN_ARRAY, CLOSE_ARRAY], (at) => {
    const valueEnd = skipValue(bytes, at);
    elements.push({ start: at, end: valueEnd });
    return valueEnd;
  });
  if (found !== end) throw malformed('a list has no end');
  return elements;
}

/** @throws {BomError} `SBOM_MALFORMED` for what is not UTF-8 or not JSON */
export function readPart(bytes: Uint8Array, { start, end }: Part): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(start, end)));
  } catch (cause) {
    throw malformed('it is not JSON in UTF-8', cause);
  }
}

/** Opening, entries with one comma between them, closing; returns where it ends. */
function sequence(
  bytes: Uint8Array,
  start: number,
  [open, close]: readonly [number, number],
  entry: (at: number) => number,
): number {
  if (bytes[start] !== open) throw malformed('it is not a JSON object');
  let at = skipBlanks(bytes, start + 1);
  if (bytes[at] === close) return at + 1;
  for (;;) {
    at = skipBlanks(bytes, entry(at));
    if (bytes[at] === close) return at + 1;
    if (bytes[at] !== COMMA) throw malformed('a comma is missing');
    at = skipBlanks(bytes, at + 1);
  }
}

/** The end of a value; of objects and lists where their outermost bracket closes, whatever is in between. */
function skipValue(bytes: Uint8Array, start: number): number {
  const first = bytes[start];
  if (first === QUOTE) return skipString(bytes, start);
  if (first !== OPEN_OBJECT && first !== OPEN_ARRAY) return skipWord(bytes, start);
  let depth = 0;
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) at = skipString(bytes, at) - 1;
    else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth += 1;
    else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  throw malformed('it breaks off');
}

function skipString(bytes: Uint8Array, start: number): number {
  if (bytes[start] !== QUOTE) throw malformed('a name is missing');
  for (let at = start + 1; at < bytes.length; at++) {
    if (bytes[at] === BACKSLASH) at += 1;
    else if (bytes[at] === QUOTE) return at + 1;
  }
  throw malformed('it breaks off');
}

/** A number, `true`, `false` or `null`: up to what may follow it. */
function skipWord(bytes: Uint8Array, start: number): number {
  let at = start;
  for (; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === COMMA || byte === CLOSE_ARRAY || byte === CLOSE_OBJECT || isBlank(byte)) break;
  }
  if (at === start) throw malformed('a value is missing');
  return at;
}

function skipBlanks(bytes: Uint8Array, start: number): number {
  let at = start;
  while (at < bytes.length && isBlank(bytes[at])) at += 1;
  return at;
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === LF || byte === CR || byte === TAB;
}

function malformed(state: string, cause?: unknown): BomError {
  return new BomError('SBOM_MALFORMED', `Cannot read the SBOM: ${state}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'Give the document as the tool wrote it, whole and in UTF-8',
  });
}
