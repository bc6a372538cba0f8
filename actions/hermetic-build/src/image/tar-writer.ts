import { paddingOf, TAR_BLOCK, type TarEntry, type TarType, XATTR_PREFIX } from './tar-entry.js';

const FLAGS: Readonly<Record<TarType, string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  character: '3',
  block: '4',
  directory: '5',
  fifo: '6',
};
const MAX_OCTAL = { id: 0o7777777, size: 0o77777777777 };

/**
 * The header blocks of one entry: plain ustar, and in front of it one pax header for what does not fit. Equal entries give equal
 * bytes: records are sorted, and nothing of this machine enters.
 */
export function tarHeader(entry: TarEntry): Buffer {
  const records = new Map<string, Buffer>();
  const put = (key: string, value: string) => records.set(key, Buffer.from(value));
  const [name, linkname] = [Buffer.from(entry.name), Buffer.from(entry.linkname)];
  if (name.length > 100) put('path', entry.name);
  if (linkname.length > 100) put('linkpath', entry.linkname);
  if (entry.size > MAX_OCTAL.size) put('size', String(entry.size));
  if (entry.uid > MAX_OCTAL.id) put('uid', String(entry.uid));
  if (entry.gid > MAX_OCTAL.id) put('gid', String(entry.gid));
  for (const [key, value] of entry.xattrs) records.set(`${XATTR_PREFIX}${key}`, value);
  const plain = block({
    name: name.subarray(0, 100),
    linkname: linkname.subarray(0, 100),
    flag: FLAGS[entry.type],
    mode: entry.mode,
    uid: entry.uid > MAX_OCTAL.id ? 0 : entry.uid,
    gid: entry.gid > MAX_OCTAL.id ? 0 : entry.gid,
    size: entry.size > MAX_OCTAL.size ? 0 : entry.size,
    mtime: entry.mtime,
    major: entry.deviceMajor,
    minor: entry.deviceMinor,
  });
  if (records.size === 0) return plain;
  const data = Buffer.concat(
    [...records].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => record(key, value)),
  );
  const extended = block({
    name: Buffer.from('pax'),
    linkname: Buffer.alloc(0),
    flag: 'x',
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: data.length,
    mtime: 0,
    major: 0,
    minor: 0,
  });
  return Buffer.concat([extended, data, Buffer.alloc(paddingOf(data.length)), plain]);
}

/** What ends an archive. */
export const TAR_END = Buffer.alloc(2 * TAR_BLOCK);

/** The length counts itself. */
function record(key: string, value: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from('\n')]);
  let length = body.length;
  while (String(length).length + body.length !== length) length = String(length).length + body.length;
  return Buffer.concat([Buffer.from(String(length)), body]);
}

interface Fields {
  readonly name: Buffer;
  readonly linkname: Buffer;
  readonly flag: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
  readonly major: number;
  readonly minor: number;
}

function block(fields: Fields): Buffer {
  const bytes = Buffer.alloc(TAR_BLOCK);
  const octal = (value: number, start: number, length: number) =>
    bytes.write(value.toString(8).padStart(length - 1, '0'), start, 'latin1');
  fields.name.copy(bytes, 0);
  octal(fields.mode, 100, 8);
  octal(fields.uid, 108, 8);
  octal(fields.gid, 116, 8);
  octal(fields.size, 124, 12);
  octal(fields.mtime, 136, 12);
  bytes.write('        ', 148, 'latin1');
  bytes.write(fields.flag, 156, 'latin1');
  fields.linkname.copy(bytes, 157);
  bytes.write('ustar\x0000', 257, 'latin1');
  octal(fields.major, 329, 8);
  octal(fields.minor, 337, 8);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return bytes;
}
