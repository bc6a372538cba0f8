export const BLOCK = 512;

const MAGIC = 'ustar\x0000';
const KINDS: Readonly<Record<string, string>> = {
  '1': 'a hard link',
  '2': 'a symbolic link',
  '3': 'a character device',
  '4': 'a block device',
  '5': 'a folder',
  '6': 'a named pipe',
  '7': 'a contiguous file',
  g: 'a global extended header',
  L: 'a GNU long name',
  K: 'a GNU long link',
  S: 'a sparse file',
};
const SPECIAL_MODE_BITS = 0o7000;

/** The one header block of an entry (POSIX.1-1988 ustar), already held to what a hand-over may contain. */
export interface TarHeader {
  readonly kind: 'file' | 'extended';
  readonly name: string;
  readonly size: number;
  readonly executable: boolean;
}

/** @throws {Error} whose message says what is wrong with the block */
export function parseTarHeader(block: Buffer): TarHeader {
  if (block.toString('latin1', 257, 265) !== MAGIC) throw new Error('a header is not ustar');
  if (octal(block, 148, 8) !== checksum(block)) throw new Error('the checksum of a header is wrong');
  const kind = kindOf(block.toString('latin1', 156, 157));
  if (text(block, 157, 100) !== '') throw new Error('a regular file has a link target');
  const mode = octal(block, 100, 8);
  if ((mode & SPECIAL_MODE_BITS) !== 0) throw new Error('a file has set-user-id, set-group-id or sticky mode');
  const prefix = text(block, 345, 155);
  const name = text(block, 0, 100);
  return {
    kind,
    name: prefix === '' ? name : `${prefix}/${name}`,
    size: octal(block, 124, 12),
    executable: (mode & 0o100) !== 0,
  };
}

/** The `path` of an extended header. Any other record would override what the header says, so it is refused. */
export function parseExtendedPath(bytes: Buffer): string {
  let path: string | undefined;
  for (let position = 0; position < bytes.length; ) {
    const space = bytes.indexOf(0x20, position);
    const digits = bytes.toString('latin1', position, space < 0 ? position : space);
    const end = position + Number(digits);
    if (!/^[1-9]\d{0,4}$/.test(digits) || end > bytes.length || end <= space || bytes[end - 1] !== 0x0a) {
      throw new Error('an extended header is malformed');
    }
    const record = decode(bytes.subarray(space + 1, end - 1));
    const equals = record.indexOf('=');
    if (record.slice(0, equals) !== 'path' || path !== undefined) {
      throw new Error(`an extended header sets "${record.slice(0, Math.max(equals, 0)).slice(0, 50)}"`);
    }
    path = record.slice(equals + 1);
    position = end;
  }
  if (path === undefined) throw new Error('an extended header is empty');
  return path;
}

function kindOf(flag: string): TarHeader['kind'] {
  if (flag === '0' || flag === '\0') return 'file';
  if (flag === 'x') return 'extended';
  throw new Error(`it contains ${KINDS[flag] ?? 'an entry of an unknown kind'}`);
}

function checksum(block: Buffer): number {
  let sum = 8 * 0x20;
  for (const [index, byte] of block.entries()) if (index < 148 || index >= 156) sum += byte;
  return sum;
}

/** Octal digits with the padding that writers use; base-256 numbers are refused, because no file here is that large. */
function octal(block: Buffer, start: number, length: number): number {
  const digits = /^ *([0-7]{1,11})[ \0]*$/.exec(block.toString('latin1', start, start + length))?.[1];
  if (digits === undefined) throw new Error('a number in a header is malformed');
  return Number.parseInt(digits, 8);
}

/** Up to the first NUL; what follows must be NUL too, or readers would disagree about the name. */
function text(block: Buffer, start: number, length: number): string {
  const field = block.subarray(start, start + length);
  const end = field.indexOf(0);
  if (end < 0) return decode(field);
  if (field.subarray(end).some((byte) => byte !== 0)) throw new Error('a text in a header goes on behind its end');
  return decode(field.subarray(0, end));
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new Error('a text in a header is not UTF-8', { cause });
  }
}
