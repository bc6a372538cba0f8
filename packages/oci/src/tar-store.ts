import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { READ_BYTES } from './blob-source.js';
import { compressionOf } from './compressed-archive.js';
import { invalid, type LayoutStore, openRegular } from './layout-store.js';
import { compressedArchive } from './spool-archive.js';
import {
  damaged,
  parsePaxRecords,
  parsePaxSize,
  parseTarHeader,
  TAR_BLOCK,
  type TarHeader,
  text,
} from './tar-header.js';
import type { FileRange } from './verified-file.js';

export interface TarLimits {
  /** Default 20,000. */
  readonly maxEntries?: number;
}

interface Member {
  readonly offset: number;
  readonly size: number;
}

const DEFAULT_MAX_ENTRIES = 20_000;
const MAX_EXTENSION_BYTES = 1024 * 1024;
const ARCHIVE = 'the archive';
/**
 * An uncompressed tar archive whose members are read where they are: only the headers are read when it is opened, and nothing is
 * written to disk. Links, devices, sparse files, traversal and repeated names are refused, wanted or not.
 */
export class TarStore implements LayoutStore {
  readonly #path: string;
  readonly #members: ReadonlyMap<string, Member>;

  private constructor(path: string, members: ReadonlyMap<string, Member>) {
    this.#path = path;
    this.#members = members;
  }

  /** @throws {OciError} `LAYOUT_INVALID` */
  static async open(path: string, limits: TarLimits = {}): Promise<TarStore> {
    const handle = await openRegular(path, ARCHIVE);
    try {
      const { size } = await handle.stat();
      return new TarStore(path, await readMembers(handle, size, limits.maxEntries ?? DEFAULT_MAX_ENTRIES));
    } finally {
      await handle.close();
    }
  }

  async has(name: string): Promise<boolean> {
    return this.#members.has(name);
  }

  async size(name: string): Promise<number> {
    return this.#member(name).size;
  }

  async read(name: string, maxBytes: number): Promise<Buffer> {
    const { offset, size } = this.#member(name);
    if (size > maxBytes) throw invalid(name, `it has ${size} bytes, the limit is ${maxBytes}`);
    const handle = await openRegular(this.#path, ARCHIVE);
    try {
      return await readExactly(handle, offset, size);
    } finally {
      await handle.close();
    }
  }

  open(name: string): Readable {
    return Readable.from(this.#chunks(name), { objectMode: false, highWaterMark: READ_BYTES });
  }

  async range(name: string): Promise<FileRange> {
    const { offset } = this.#member(name);
    return { handle: await openRegular(this.#path, ARCHIVE), start: offset };
  }

  async *#chunks(name: string): AsyncGenerator<Buffer> {
    const { offset, size } = this.#member(name);
    if (size === 0) return;
    const handle = await openRegular(this.#path, ARCHIVE);
    yield* handle.createReadStream({ start: offset, end: offset + size - 1, highWaterMark: READ_BYTES });
  }

  #member(name: string): Member {
    const member = this.#members.get(name);
    if (member === undefined) throw invalid(name, 'it is missing in the archive');
    return member;
  }
}

async function readMembers(handle: FileHandle, length: number, maxEntries: number): Promise<Map<string, Member>> {
  const members = new Map<string, Member>();
  await assertUncompressed(handle, length);
  let extension: Extension = {};
  let entries = 0;
  let at = 0;
  for (;;) {
    if (at + TAR_BLOCK > length) throw damaged('it ends without the block that ends an archive');
    const header = parseTarHeader(await readExactly(handle, at, TAR_BLOCK));
    if (header === undefined) break;
    if (++entries > maxEntries) throw invalid(ARCHIVE, `it has more than ${maxEntries} members`);
    const offset = at + TAR_BLOCK;
    // The size of an extended header's own data is never extended.
    const size = isExtension(header) ? header.size : (extension.size ?? header.size);
    at = offset + Math.ceil(size / TAR_BLOCK) * TAR_BLOCK;
    if (offset + size > length) throw damaged('a member is longer than the archive');
    if (isExtension(header)) {
      extension = await readExtension(handle, header, offset, extension);
      continue;
    }
    const name = memberName({ ...header, name: extension.name ?? header.name });
    extension = {};
    if (header.type === '5') {
      // Some readers take what follows as its data, others as the next member.
      if (size !== 0) throw invalid(name, 'it is a directory with content');
      continue;
    }
    if (members.has(name)) throw invalid(name, 'it is there twice, and readers differ in which one they take');
    members.set(name, { offset, size });
  }
  if (extension.name !== undefined || extension.size !== undefined) throw damaged('its last header describes nothing');
  await assertZeros(handle, at, length);
  return members;
}

interface Extension {
  readonly name?: string;
  readonly size?: number;
}

function isExtension({ type }: TarHeader): boolean {
  return type === 'x' || type === 'g' || type === 'L';
}

/** Members with holes: GNU, star, Solaris. Their size in the archive is not the size of the file. */
const SPARSE = /^(?:GNU\.sparse\.|SCHILY\.realsize$|SUN\.holesdata$)/;

async function readExtension(
  handle: FileHandle,
  header: TarHeader,
  offset: number,
  before: Extension,
): Promise<Extension> {
  if (header.size > MAX_EXTENSION_BYTES) throw damaged('an extended header is too large');
  const bytes = await readExactly(handle, offset, header.size);
  if (header.type === 'L') return named(before, longName(bytes));
  const records = parsePaxRecords(bytes);
  if ([...records.keys()].some((name) => SPARSE.test(name))) throw damaged('a member is sparse');
  const [path, size] = [records.get('path'), records.get('size')];
  if (header.type === 'g') {
    // Global names and sizes would make every member mean something else to readers that skip them.
    if (path !== undefined || size !== undefined) throw damaged('a global header names or measures members');
    return before;
  }
  const extension = path === undefined ? before : named(before, path);
  if (size === undefined) return extension;
  if (before.size !== undefined) throw damaged('two headers measure one member');
  return { ...extension, size: parsePaxSize(size) };
}

/** Which of two names counts depends on the reader, and an empty one means that of the header to some. */
function named(before: Extension, name: string): Extension {
  if (before.name !== undefined || name === '') throw damaged('two headers name one member, or one names nothing');
  return { ...before, name };
}

/** GNU's long name ends with its NUL. */
function longName(bytes: Buffer): string {
  const name = text(bytes);
  if (bytes.subarray(Buffer.byteLength(name)).some((byte) => byte !== 0)) throw damaged('a long name has two ends');
  return name;
}

function memberName({ name: given, type }: TarHeader): string {
  if (type !== '0' && type !== '\0' && type !== '5') {
    throw invalid(given, `it has tar type ${JSON.stringify(type)}, only files and directories are allowed`);
  }
  // The oldest writers mark a directory by its name alone.
  if (type !== '5' && given.endsWith('/')) throw invalid(given, 'it is a file with the name of a directory');
  const name = given.replace(/^\.\//, '').replace(/\/$/, '');
  const isRoot = type === '5' && (name === '' || name === '.');
  const segments = name.split('/');
  if (name.startsWith('/') || /[\\\0]/.test(name) || segments.includes('..')) {
    throw invalid(given, 'its path leaves the archive');
  }
  // Readers that clean paths would see one name under several spellings.
  if (!isRoot && segments.some((segment) => segment === '' || segment === '.')) {
    throw invalid(given, 'its path is not the shortest one');
  }
  return name;
}

const ZEROS = Buffer.alloc(1024 * 1024);

/** Archives are padded with zeros; behind anything else a reader that goes on would find other members. */
async function assertZeros(handle: FileHandle, from: number, length: number): Promise<void> {
  for (let at = from; at < length; at += ZEROS.length) {
    const piece = await readExactly(handle, at, Math.min(ZEROS.length, length - at));
    if (!piece.equals(ZEROS.subarray(0, piece.length))) throw damaged('something follows its end');
  }
}

async function assertUncompressed(handle: FileHandle, length: number): Promise<void> {
  if (length < TAR_BLOCK) throw damaged('it is too short');
  const found = compressionOf(await readExactly(handle, 0, 8));
  if (found !== undefined) throw compressedArchive(found, 'Give the plain archive');
}

async function readExactly(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  for (let filled = 0; filled < length; ) {
    const { bytesRead } = await handle.read(buffer, filled, length - filled, position + filled);
    if (bytesRead === 0) throw damaged('it became shorter while it was read');
    filled += bytesRead;
  }
  return buffer;
}
