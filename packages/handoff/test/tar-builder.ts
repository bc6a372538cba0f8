/** What a header says; everything is written as given, so that archives can be wrong on purpose. */
export interface RawEntry {
  readonly name: string | Buffer;
  readonly body?: string | Buffer;
  readonly type?: string;
  readonly linkname?: string;
  readonly mode?: number;
  readonly prefix?: string;
  /** Of the header; default the length of `body`. */
  readonly size?: number | string;
  readonly magic?: string;
  /** Added to the right checksum. */
  readonly checksumError?: number;
}

const BLOCK = 512;

export function rawEntry(entry: RawEntry): Buffer {
  const body = Buffer.from(entry.body ?? '');
  const header = Buffer.alloc(BLOCK);
  Buffer.from(entry.name).copy(header, 0, 0, 100);
  header.write(`${(entry.mode ?? 0o644).toString(8).padStart(7, '0')}\0`, 100, 'latin1');
  header.write('0000000\x000000000\0', 108, 'latin1');
  const size = entry.size ?? body.length;
  header.write(typeof size === 'string' ? size : `${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  header.write('00000000000\0', 136, 'latin1');
  header.write(entry.type ?? '0', 156, 'latin1');
  header.write(entry.linkname ?? '', 157, 'utf8');
  header.write(entry.magic ?? 'ustar\x0000', 257, 'latin1');
  header.write(entry.prefix ?? '', 345, 'utf8');
  header.write('        ', 148, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0) + (entry.checksumError ?? 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return Buffer.concat([header, body, Buffer.alloc((BLOCK - (body.length % BLOCK)) % BLOCK)]);
}

/** A pax extended header with these records. */
export function pax(records: Readonly<Record<string, string>>, type = 'x'): Buffer {
  const body = Object.entries(records).map(([key, value]) => paxRecord(`${key}=${value}\n`));
  return rawEntry({ name: 'PaxHeader', type, body: body.join('') });
}

function paxRecord(text: string): string {
  const length = Buffer.byteLength(text) + 1;
  const total = length + String(length + String(length).length).length;
  return `${total} ${text}`;
}

export function tar(...parts: readonly (RawEntry | Buffer)[]): Buffer {
  const blocks = parts.map((part) => (Buffer.isBuffer(part) ? part : rawEntry(part)));
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}
