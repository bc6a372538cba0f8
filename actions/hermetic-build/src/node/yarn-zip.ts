import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { walkArchive } from '../build/archive.js';
import { HermeticBuildError } from '../error.js';

const LOCAL_HEADER = 0x04034b50;
const CENTRAL_HEADER = 0x02014b50;
const END = 0x06054b50;
const LOCAL_BYTES = 30;
const CENTRAL_BYTES = 46;
const END_BYTES = 22;
/** Unix, version 6.3 of the format. */
const MADE_BY = 0x033f;
const NEEDED_FOLDER = 20;
const NEEDED_FILE = 10;
const UTF8_NAMES = 0x0800;
/** 1984-06-22 21:50:00, which yarn gives to everything. */
const DOS_TIME = 0xae40;
const DOS_DATE = 0x08d6;
const FOLDER_MODE = 0o40755;
const FILE_MODE = 0o100644;
const EXECUTABLE_MODE = 0o100755;
const MAX_ENTRIES = 65_534;
const MAX_BYTES = 0xffffffff;

/**
 * SHA-512, as lower-case hex, of the zip that yarn 2 and later makes of a package's tarball without compression (`compressionLevel: 0`,
 * cache key `c0`): this is what its lock file has as checksum. The zip has names, modes, contents and their order from the tarball
 * and nothing else of it, so an equal checksum means the same package, whatever its compression and times are.
 * @param write gets the zip itself, piece by piece
 * @throws {HermeticBuildError} `ARCHIVE_UNSAFE`
 */
export async function yarnZipSha512(
  label: string,
  path: string,
  name: string,
  write: (bytes: Buffer) => void = () => {},
): Promise<string> {
  const hash = createHash('sha512');
  const zip = new StoredZip(label, (bytes) => {
    hash.update(bytes);
    write(bytes);
  });
  const base = `node_modules/${name}`;
  await walkArchive(
    label,
    path,
    async (file, content) => {
      const chunks: Buffer[] = [];
      for await (const chunk of content) chunks.push(chunk);
      zip.file(`${base}/${file.path}`, Buffer.concat(chunks), file.executable ? EXECUTABLE_MODE : FILE_MODE);
    },
    (folder) => zip.folder(folder === '' ? base : `${base}/${folder}`),
  );
  zip.end();
  return hash.digest('hex');
}

/** A zip that is written in one pass (APPNOTE 6.3, sections 4.3.7, 4.3.12, 4.3.16). */
class StoredZip {
  readonly #label: string;
  readonly #write: (bytes: Buffer) => void;
  readonly #central: Buffer[] = [];
  readonly #names = new Set<string>();
  #size = 0;

  constructor(label: string, write: (bytes: Buffer) => void) {
    this.#label = label;
    this.#write = write;
  }

  folder(path: string): void {
    const segments = path.split('/');
    for (let end = 1; end <= segments.length; end++) {
      const name = `${segments.slice(0, end).join('/')}/`;
      if (!this.#names.has(name)) this.#add(name, Buffer.alloc(0), FOLDER_MODE, NEEDED_FOLDER);
    }
  }

  file(path: string, content: Buffer, mode: number): void {
    // Which of the two counts depends on who unpacks.
    if (this.#names.has(path)) throw this.#unsafe(`it has ${JSON.stringify(path.slice(0, 200))} twice`);
    this.folder(path.slice(0, path.lastIndexOf('/')));
    this.#add(path, content, mode, NEEDED_FILE);
  }

  end(): void {
    const size = this.#central.reduce((sum, { length }) => sum + length, 0);
    for (const header of this.#central) this.#write(header);
    const end = Buffer.alloc(END_BYTES);
    end.writeUInt32LE(END, 0);
    end.writeUInt16LE(this.#central.length, 8);
    end.writeUInt16LE(this.#central.length, 10);
    end.writeUInt32LE(size, 12);
    end.writeUInt32LE(this.#size, 16);
    this.#write(end);
  }

  #add(path: string, content: Buffer, mode: number, needed: number): void {
    const name = Buffer.from(path);
    const offset = this.#size;
    this.#names.add(path);
    this.#size += LOCAL_BYTES + name.length + content.length;
    if (this.#size > MAX_BYTES || this.#central.length >= MAX_ENTRIES) throw this.#unsafe('it is too large for a zip');
    const shared = Buffer.alloc(26);
    shared.writeUInt16LE(needed, 0);
    shared.writeUInt16LE(name.length === path.length ? 0 : UTF8_NAMES, 2);
    shared.writeUInt16LE(DOS_TIME, 6);
    shared.writeUInt16LE(DOS_DATE, 8);
    shared.writeUInt32LE(crc32(content), 10);
    shared.writeUInt32LE(content.length, 14);
    shared.writeUInt32LE(content.length, 18);
    shared.writeUInt16LE(name.length, 22);
    const local = Buffer.alloc(4);
    local.writeUInt32LE(LOCAL_HEADER, 0);
    for (const bytes of [local, shared, name, content]) this.#write(bytes);
    const central = Buffer.alloc(CENTRAL_BYTES);
    central.writeUInt32LE(CENTRAL_HEADER, 0);
    central.writeUInt16LE(MADE_BY, 4);
    shared.copy(central, 6);
    central.writeUInt32LE((mode << 16) >>> 0, 38);
    central.writeUInt32LE(offset, 42);
    this.#central.push(Buffer.concat([central, name]));
  }

  #unsafe(state: string): HermeticBuildError {
    return new HermeticBuildError('ARCHIVE_UNSAFE', `Cannot read "${this.#label}": ${state}`, {
      hint: 'Do not install this version; report it to the registry',
    });
  }
}
