import { OciError } from './error.js';

export const TAR_BLOCK = 512;

/** `type` as it stands in the header (POSIX.1-2017, pax, "ustar Interchange Format"); `size` in bytes. */
export interface TarHeader {
  readonly name: string;
  readonly size: number;
  readonly type: string;
}

const CHECKSUM = { start: 148, end: 156 };
const USTAR = 'ustar';

/**
 * Reads one header block; `undefined` for a block of zeros, which ends an archive.
 * @throws {OciError} `LAYOUT_INVALID` for a wrong checksum or a number that two readers could read differently
 */
export function parseTarHeader(block: Buffer): TarHeader | undefined {
  if (block.every((byte) => byte === 0)) return undefined;
  if (checksum(block) !== octal(block.subarray(CHECKSUM.start, CHECKSUM.end))) throw damaged('a checksum is wrong');
  const ustar = block.toString('latin1', 257, 262) === USTAR && block[262] === 0;
  const prefix = ustar ? text(block.subarray(345, 500)) : '';
  const name = text(block.subarray(0, 100));
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    size: sizeOf(block.subarray(124, 136)),
    type: String.fromCharCode(block[156] ?? 0),
  };
}

/**
 * Records of a pax header: `<length> <key>=<value>\n`.
 * @throws {OciError} `LAYOUT_INVALID`
 */
export function parsePaxRecords(bytes: Buffer): ReadonlyMap<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const digits = space < 0 ? '' : bytes.toString('latin1', at, space);
    const end = at + Number(digits);
    if (!/^[1-9][0-9]{0,7}$/.test(digits) || end > bytes.length || end <= space + 1 || bytes[end - 1] !== 0x0a) {
      throw damaged('an extended header has no valid length');
    }
    const record = bytes.toString('utf8', space + 1, end - 1);
    const equals = record.indexOf('=');
    if (equals < 1) throw damaged('an extended header is no key=value');
    const key = record.slice(0, equals);
    if (records.has(key)) throw damaged('an extended header says one thing twice');
    records.set(key, record.slice(equals + 1));
    at = end;
  }
  return records;
}

/** Decimal of a pax record. */
export function parsePaxSize(value: string): number {
  const size = Number(value);
  if (!/^[0-9]{1,16}$/.test(value) || !Number.isSafeInteger(size)) throw damaged('an extended size is no number');
  return size;
}

/** Up to the first NUL; what is behind it is padding, and hides nothing because nobody reads it. */
export function text(field: Buffer): string {
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end < 0 ? field.length : end);
}

/** Octal, or the big-endian number of GNU and star when the first bit is set. */
function sizeOf(field: Buffer): number {
  const [first = 0] = field;
  if (first < 0x80) return octal(field);
  if (first !== 0x80) throw damaged('a size is negative or too large');
  const size = field.subarray(1).reduce((sum, byte) => sum * 256 + byte, 0);
  if (!Number.isSafeInteger(size)) throw damaged('a size is too large');
  return size;
}

function octal(field: Buffer): number {
  const digits = field
    .toString('latin1')
    .replace(/[\0 ]+$/, '')
    .replace(/^ +/, '');
  if (!/^[0-7]{0,12}$/.test(digits)) throw damaged('a number is not octal');
  return digits === '' ? 0 : Number.parseInt(digits, 8);
}

function checksum(block: Buffer): number {
  let sum = 0x20 * (CHECKSUM.end - CHECKSUM.start);
  for (const [position, byte] of block.entries()) {
    if (position < CHECKSUM.start || position >= CHECKSUM.end) sum += byte;
  }
  return sum;
}

export function damaged(state: string): OciError {
  return new OciError('LAYOUT_INVALID', `Cannot read the archive of the layout: ${state}`, {
    hint: 'Write the layout again with the tool that built it, and pass it without changes',
  });
}
