import { isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { GateError } from '../error.js';
import { lazyList } from './lazy-list.js';
import { type LongList, type Shape, scanBytes } from './scan-bytes.js';

/** Larger reports are refused before they are read. */
export const MAX_REPORT_BYTES = 128 * 1024 * 1024;
/** A SARIF code flow nests some twenty levels. */
const MAX_DEPTH = 200;

/** Refuses what would cost more memory as objects than as text: nesting without end, and values of a byte or two each. */
function assertBounded(what: string, size: number, { depth, containers, values }: Shape): void {
  if (depth > MAX_DEPTH) throw tooLarge(what, `it is nested deeper than ${MAX_DEPTH} levels`);
  // Honest reports have some 20 bytes per value; the small ones may be as dense as they like.
  const most = 1_000_000 + size / 8;
  if (containers > most || values > most) throw tooLarge(what, `it has ${Math.max(containers, values)} values`);
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
 * JSON of a report; long lists of findings in it are parsed entry by entry, when they are read. UTF-8 with or without a byte order mark, or gzip of it. The parser does not recurse, and neither does what follows.
 * @throws {GateError} `REPORT_EMPTY`, `REPORT_MALFORMED`, `REPORT_TOO_LARGE`
 */
export function parseBytes(what: string, given: Uint8Array): unknown {
  const bytes = unpacked(what, given);
  if (bytes.length > MAX_REPORT_BYTES) {
    throw tooLarge(what, `it has ${bytes.length} bytes, the limit is ${MAX_REPORT_BYTES}`);
  }
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const shape = scanBytes(buffer, MAX_DEPTH);
  assertBounded(what, buffer.length, shape);
  if (!isUtf8(buffer)) {
    throw new GateError('REPORT_MALFORMED', `Cannot read report ${what}: it is not UTF-8`, {
      hint: 'Let the scanner write the file itself (--output): some shells redirect as UTF-16',
    });
  }
  if (buffer.length < 4096 && decode([buffer]).trim() === '') {
    throw new GateError('REPORT_EMPTY', `Cannot read report ${what}: it is empty`, {
      hint: 'An empty file is no answer; look at the log of the scanner',
    });
  }
  try {
    return shape.lists.length === 0 ? JSON.parse(decode([buffer])) : parseAround(what, buffer, shape.lists);
  } catch (cause) {
    throw cause instanceof GateError ? cause : malformed(what, cause);
  }
}

function malformed(what: string, cause: unknown): GateError {
  return new GateError('REPORT_MALFORMED', `Cannot read report ${what}: it is truncated or no report`, {
    // The engine quotes the text; a report can quote a secret.
    cause: new Error(cause instanceof Error ? cause.name : 'no JSON'),
    hint: 'The scanner was cut off or wrote something else; look at its log and scan again',
  });
}

/** Parses what stands around the long lists, with a name in the place of each that no document can know. */
function parseAround(what: string, bytes: Buffer, lists: readonly LongList[]): unknown {
  const token = `${randomUUID()}:`;
  const pieces: Buffer[] = [];
  let from = 0;
  for (const [index, { start, end }] of lists.entries()) {
    pieces.push(bytes.subarray(from, start), Buffer.from(JSON.stringify(`${token}${index}`)));
    from = end;
  }
  pieces.push(bytes.subarray(from));
  return JSON.parse(decode(pieces), (_key, value: unknown) => {
    if (typeof value !== 'string' || !value.startsWith(token)) return value;
    const { bounds } = lists[Number(value.slice(token.length))] as LongList;
    return lazyList(bytes, bounds, (cause) => malformed(what, cause));
  });
}

/** UTF-8, without a byte order mark. */
function decode(pieces: readonly Buffer[]): string {
  const text = (pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces)).toString('utf8');
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}
