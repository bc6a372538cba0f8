import { gunzipSync } from 'node:zlib';
import { GateError } from '../error.js';

/** Larger reports are refused before they are read. */
export const MAX_REPORT_BYTES = 128 * 1024 * 1024;
/** A SARIF code flow nests some twenty levels. */
const MAX_DEPTH = 200;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACE = 0x7d;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;

/**
 * Refuses what would cost more memory as objects than as text: nesting without end, and values of a byte or two each. Runs over
 * the bytes, before anything is allocated for them.
 */
function assertBounded(what: string, bytes: Buffer): void {
  let depth = 0;
  let containers = 0;
  let values = 0;
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index];
    if (byte === QUOTE) index = endOfString(bytes, index + 1);
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      containers++;
      if (++depth > MAX_DEPTH) throw tooLarge(what, `it is nested deeper than ${MAX_DEPTH} levels`);
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
    else if (byte === COMMA) values++;
  }
  // Honest reports have some 20 bytes per value; the small ones may be as dense as they like.
  const most = 1_000_000 + bytes.length / 8;
  if (containers > most || values > most) throw tooLarge(what, `it has ${Math.max(containers, values)} values`);
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

export function tooLarge(what: string, state: string): GateError {
  return new GateError('REPORT_TOO_LARGE', `Cannot read report ${what}: ${state}`, {
    hint: 'Split the scan, or leave out what the gate does not read (packages, code flows, snippets)',
  });
}

/** Reports are kept packed; what they unpack to has the limit of any report, so that a bomb is cut off. */
function unpacked(what: string, packed: Uint8Array): Uint8Array {
  if (packed[0] !== 0x1f || packed[1] !== 0x8b) return packed;
  try {
    return gunzipSync(packed, { maxOutputLength: MAX_REPORT_BYTES });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      throw tooLarge(what, `it unpacks to more than ${MAX_REPORT_BYTES} bytes`);
    throw new GateError('REPORT_MALFORMED', `Cannot read report ${what}: it is gzip that is damaged or cut off`, {
      cause,
    });
  }
}

/**
 * JSON of a report, UTF-8 with or without a byte order mark, or gzip of it. The parser does not recurse, and neither does what follows.
 * @throws {GateError} `REPORT_EMPTY`, `REPORT_MALFORMED`, `REPORT_TOO_LARGE`
 */
export function parseBytes(what: string, given: Uint8Array): unknown {
  const bytes = unpacked(what, given);
  if (bytes.length > MAX_REPORT_BYTES) {
    throw tooLarge(what, `it has ${bytes.length} bytes, the limit is ${MAX_REPORT_BYTES}`);
  }
  assertBounded(what, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new GateError('REPORT_MALFORMED', `Cannot read report ${what}: it is not UTF-8`, {
      cause,
      hint: 'Let the scanner write the file itself (--output): some shells redirect as UTF-16',
    });
  }
  if (bytes.length < 4096 && text.trim() === '') {
    throw new GateError('REPORT_EMPTY', `Cannot read report ${what}: it is empty`, {
      hint: 'An empty file is no answer; look at the log of the scanner',
    });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new GateError('REPORT_MALFORMED', `Cannot read report ${what}: it is truncated or no report`, {
      // The engine quotes the text; a report can quote a secret.
      cause: new Error(cause instanceof Error ? cause.name : 'no JSON'),
      hint: 'The scanner was cut off or wrote something else; look at its log and scan again',
    });
  }
}
