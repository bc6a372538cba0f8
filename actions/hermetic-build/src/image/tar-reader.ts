import type { Readable } from 'node:stream';
import { invalidImage } from './description.js';
import { paddingOf, TAR_BLOCK, type TarEntry, type TarType, XATTR_PREFIX } from './tar-entry.js';

/** An entry and its content, which must be read or is skipped before the next one comes. */
export interface ReadEntry extends TarEntry {
  readonly content: AsyncIterable<Buffer>;
}

const TYPES: Readonly<Record<string, TarType>> = {
  '\0': 'file',
  '0': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'character',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
  '7': 'file',
};
const MAX_EXTENDED_BYTES = 1024 * 1024;
const MAX_ENTRIES = 2_000_000;

/**
 * Reads an unpacked layer (POSIX.1-2017 pax, ustar, and GNU's long names), entry by entry. It is a reader of its own, because values
 * of extended attributes (file capabilities) are bytes that a reader of texts would change.
 * @throws {HermeticBuildError} `IMAGE_INVALID` for what two readers could read differently
 */
export async function* readTar(stream: Readable | AsyncIterable<Buffer>): AsyncGenerator<ReadEntry> {
  const bytes = new ByteReader(stream);
  let extended: Extended = new Map();
  for (let count = 0; ; count++) {
    if (count > MAX_ENTRIES) throw invalidImage(`a layer has more than ${MAX_ENTRIES} entries`);
    const block = await bytes.exactly(TAR_BLOCK);
    if (block === undefined || block.every((byte) => byte === 0)) break;
    assertChecksum(block);
    const flag = String.fromCharCode(block[156] ?? 0);
    const size = numberAt(block, 124, 12);
    if (flag === 'x' || flag === 'L' || flag === 'K') {
      extended = new Map([...extended, ...(await readExtended(bytes, flag, size))]);
      continue;
    }
    const type = TYPES[flag];
    if (type === undefined) throw invalidImage(`a layer has an entry of the unknown type ${JSON.stringify(flag)}`);
    const entry = entryOf(block, type, size, extended);
    extended = new Map();
    const content = bytes.part(entry.size);
    yield { ...entry, content };
    await bytes.skipPart();
    await bytes.exactly(paddingOf(entry.size));
  }
  // What lies behind the end would be another archive for another reader.
  for await (const rest of bytes.rest()) {
    if (rest.some((byte) => byte !== 0)) throw invalidImage('a layer has bytes behind its end');
  }
}

type Extended = ReadonlyMap<string, Buffer>;

async function readExtended(bytes: ByteReader, flag: string, size: number): Promise<Extended> {
  if (size > MAX_EXTENDED_BYTES) throw invalidImage('a layer has an extended header of more than 1 MiB');
  const data = (await bytes.exactly(size)) ?? Buffer.alloc(0);
  await bytes.exactly(paddingOf(size));
  if (flag === 'x') return paxRecords(data);
  const end = data.indexOf(0);
  const text = data.subarray(0, end < 0 ? data.length : end);
  return new Map([[flag === 'L' ? 'path' : 'linkpath', text]]);
}

/** `<length> <key>=<value>\n`; the value is bytes. */
function paxRecords(data: Buffer): Extended {
  const records = new Map<string, Buffer>();
  for (let at = 0; at < data.length; ) {
    const space = data.indexOf(0x20, at);
    const digits = space < 0 ? '' : data.toString('latin1', at, space);
    const end = at + Number(digits);
    const equals = data.indexOf(0x3d, space);
    const sound = /^[1-9][0-9]{0,7}$/.test(digits) && end <= data.length && data[end - 1] === 0x0a;
    if (!sound || equals <= space + 1 || equals >= end) throw invalidImage('a layer has a damaged extended header');
    records.set(data.toString('utf8', space + 1, equals), data.subarray(equals + 1, end - 1));
    at = end;
  }
  return records;
}

function entryOf(block: Buffer, type: TarType, size: number, extended: Extended): TarEntry {
  for (const key of extended.keys()) {
    if (key.startsWith('GNU.sparse.')) throw invalidImage('a layer has a sparse file');
  }
  const number = (key: string, plain: number) => {
    const text = extended.get(key)?.toString('latin1');
    if (text === undefined) return plain;
    if (!/^-?[0-9]{1,16}(?:\.[0-9]*)?$/.test(text)) throw invalidImage(`a layer has ${key} that is no number`);
    return Math.trunc(Number(text));
  };
  const prefix = block.toString('latin1', 257, 263) === 'ustar\0' ? textAt(block, 345, 155) : '';
  const plainName = textAt(block, 0, 100);
  const name = extended.get('path')?.toString('utf8') ?? (prefix === '' ? plainName : `${prefix}/${plainName}`);
  const isFile = type === 'file' && !name.endsWith('/');
  const real: TarType = type === 'file' && !isFile ? 'directory' : type;
  return {
    name,
    type: real,
    mode: numberAt(block, 100, 8) & 0o7777,
    uid: number('uid', numberAt(block, 108, 8)),
    gid: number('gid', numberAt(block, 116, 8)),
    size: real === 'file' ? number('size', size) : 0,
    linkname: extended.get('linkpath')?.toString('utf8') ?? textAt(block, 157, 100),
    deviceMajor: numberAt(block, 329, 8),
    deviceMinor: numberAt(block, 337, 8),
    mtime: number('mtime', numberAt(block, 136, 12)),
    xattrs: new Map(
      [...extended].flatMap(([key, value]): [string, Buffer][] =>
        key.startsWith(XATTR_PREFIX) ? [[key.slice(XATTR_PREFIX.length), Buffer.from(value)]] : [],
      ),
    ),
  };
}

function textAt(block: Buffer, start: number, length: number): string {
  const field = block.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end < 0 ? length : end);
}

/** Octal, or the big-endian number of GNU and star when the first bit is set. */
function numberAt(block: Buffer, start: number, length: number): number {
  const field = block.subarray(start, start + length);
  if ((field[0] ?? 0) >= 0x80) {
    if (field[0] !== 0x80) throw invalidImage('a layer has a negative number');
    const value = field.subarray(1).reduce((sum, byte) => sum * 256 + byte, 0);
    if (!Number.isSafeInteger(value)) throw invalidImage('a layer has a number that is too large');
    return value;
  }
  const digits = field
    .toString('latin1')
    .replace(/[\0 ]+$/, '')
    .trimStart();
  if (!/^[0-7]{0,12}$/.test(digits)) throw invalidImage('a layer has a number that is not octal');
  return digits === '' ? 0 : Number.parseInt(digits, 8);
}

function assertChecksum(block: Buffer): void {
  let sum = 0;
  for (const [position, byte] of block.entries()) sum += position >= 148 && position < 156 ? 0x20 : byte;
  if (sum !== numberAt(block, 148, 8)) throw invalidImage('a layer has an entry with a wrong checksum');
}

/** Cuts a stream of buffers into the pieces that a tar has. */
class ByteReader {
  readonly #source: AsyncIterator<Buffer>;
  #held: Buffer = Buffer.alloc(0);
  #left = 0;

  constructor(stream: Readable | AsyncIterable<Buffer>) {
    this.#source = (stream as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  }

  /** `undefined` at the end of the stream. @throws when it ends within the piece */
  async exactly(size: number): Promise<Buffer | undefined> {
    const pieces: Buffer[] = [];
    let missing = size;
    while (missing > 0) {
      const piece = await this.#take(missing);
      if (piece === undefined) {
        if (pieces.length === 0 && size === TAR_BLOCK) return undefined;
        throw invalidImage('a layer ends in the middle of an entry');
      }
      pieces.push(piece);
      missing -= piece.length;
    }
    return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
  }

  part(size: number): AsyncGenerator<Buffer> {
    this.#left = size;
    return this.#part();
  }

  /** What the consumer of the part has left. */
  async skipPart(): Promise<void> {
    for await (const _ of this.#part());
  }

  async *#part(): AsyncGenerator<Buffer> {
    while (this.#left > 0) {
      const piece = await this.#take(this.#left);
      if (piece === undefined) throw invalidImage('a layer ends in the middle of a file');
      this.#left -= piece.length;
      yield piece;
    }
  }

  async *rest(): AsyncGenerator<Buffer> {
    for (let piece = await this.#take(65_536); piece !== undefined; piece = await this.#take(65_536)) yield piece;
  }

  async #take(most: number): Promise<Buffer | undefined> {
    while (this.#held.length === 0) {
      const { value, done } = await this.#source.next();
      if (done === true) return undefined;
      this.#held = value;
    }
    const piece = this.#held.subarray(0, most);
    this.#held = this.#held.subarray(piece.length);
    return piece;
  }
}
