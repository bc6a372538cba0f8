import type { Readable } from 'node:stream';
import { ecosystemsOf, GateError, isRecordFor, type OsvRecord, parseOsvRecord } from '@paved/gate';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import { ScanGateError } from './error.js';

/** Far above the largest published database, far below what hurts this machine. */
export interface ArchiveLimits {
  readonly maxEntries: number;
  readonly maxEntryBytes: number;
  readonly maxTotalBytes: number;
  /** Inflated to deflated, for entries above 1 MiB. */
  readonly maxRatio: number;
}

export const ARCHIVE_LIMITS: ArchiveLimits = {
  maxEntries: 2_000_000,
  maxEntryBytes: 16 * 1024 * 1024,
  maxTotalBytes: 16 * 1024 * 1024 * 1024,
  maxRatio: 200,
};

const RATIO_FREE_BYTES = 1024 * 1024;

export interface OsvArchive {
  /** Records about packages of the SBOM alone, so that memory follows the SBOM and not the database. */
  readonly records: readonly OsvRecord[];
  readonly total: number;
  /** The newest time that any record states, for a database whose server gave none. */
  readonly newest: string | undefined;
}

interface Query {
  readonly ecosystem: string;
  readonly keys: ReadonlySet<string>;
  readonly limits?: ArchiveLimits;
}

/**
 * Streams a zip of OSV records. Every entry is read, because a database that is broken anywhere is not trusted anywhere.
 * @throws {ScanGateError} `DATABASE_MALFORMED`, `DATABASE_TOO_LARGE`
 * @throws {GateError} `ADVISORY_MALFORMED`, `DATABASE_EMPTY`, `DATABASE_ECOSYSTEM_MISMATCH`
 */
export async function readOsvArchive(path: string, query: Query): Promise<OsvArchive> {
  const limits = query.limits ?? ARCHIVE_LIMITS;
  const zip = await openZip(path);
  const reader = new ArchiveReader(query);
  try {
    if (zip.entryCount > limits.maxEntries) throw tooLarge(path, `${zip.entryCount} entries`);
    let total = 0;
    for (let entry = await nextEntry(zip, path); entry !== undefined; entry = await nextEntry(zip, path)) {
      if (entry.fileName.endsWith('/')) continue;
      assertEntry(path, entry, limits);
      total += entry.uncompressedSize;
      if (total > limits.maxTotalBytes) throw tooLarge(path, `more than ${limits.maxTotalBytes} bytes inflated`);
      reader.add(entry.fileName, await readEntry(zip, entry, path));
    }
  } finally {
    zip.close();
  }
  return reader.result(path);
}

/** Keeps what matters of each record. */
class ArchiveReader {
  readonly #query: Query;
  readonly #records: OsvRecord[] = [];
  #total = 0;
  #ofEcosystem = 0;
  #newest = '';

  constructor(query: Query) {
    this.#query = query;
  }

  add(name: string, text: string): void {
    const entry = parseOsvRecord(`"${name.slice(0, 100)}"`, text);
    this.#total++;
    if (ecosystemsOf(entry).includes(this.#query.ecosystem)) this.#ofEcosystem++;
    for (const time of [entry.modified, entry.published ?? '']) {
      if (time > this.#newest && !Number.isNaN(Date.parse(time))) this.#newest = time;
    }
    if (isRecordFor(this.#query.keys, entry)) this.#records.push(entry);
  }

  result(path: string): OsvArchive {
    const { ecosystem } = this.#query;
    if (this.#total === 0) {
      throw new GateError('DATABASE_EMPTY', `Cannot use database "${path}": it has no records`, {
        hint: 'An empty database finds nothing; download it again',
      });
    }
    if (this.#ofEcosystem === 0) {
      const state = `none of its ${this.#total} records is about ${ecosystem}`;
      throw new GateError('DATABASE_ECOSYSTEM_MISMATCH', `Cannot use database "${path}": ${state}`, {
        hint: 'Check the names in osv-database; each is an ecosystem of the OSV schema',
      });
    }
    return { records: this.#records, total: this.#total, newest: this.#newest === '' ? undefined : this.#newest };
  }
}

function malformed(path: string, state: string, cause?: unknown): ScanGateError {
  return new ScanGateError('DATABASE_MALFORMED', `Cannot read database "${path}": ${state}`, { cause });
}

function tooLarge(path: string, state: string): ScanGateError {
  return new ScanGateError('DATABASE_TOO_LARGE', `Cannot read database "${path}": it has ${state}`);
}

function assertEntry(path: string, entry: Entry, limits: ArchiveLimits): void {
  const name = entry.fileName.slice(0, 100);
  if (!/^[\w.:@+-]+(?:\/[\w.:@+-]+)*\.json$/.test(entry.fileName) || entry.fileName.includes('..')) {
    throw malformed(path, `entry "${name}" is no record`);
  }
  if (entry.isEncrypted()) throw malformed(path, `entry "${name}" is encrypted`);
  if (entry.uncompressedSize > limits.maxEntryBytes)
    throw tooLarge(path, `an entry of ${entry.uncompressedSize} bytes`);
  const inflatedTooFar = entry.uncompressedSize > entry.compressedSize * limits.maxRatio;
  if (entry.uncompressedSize > RATIO_FREE_BYTES && inflatedTooFar) throw tooLarge(path, `"${name}", which is a bomb`);
}

function openZip(path: string): Promise<ZipFile> {
  return new Promise((resolve, reject) => {
    // autoClose off: an error in the middle must not race with our own close.
    yauzl.open(path, { lazyEntries: true, autoClose: false, validateEntrySizes: true }, (cause, zip) => {
      if (cause) reject(malformed(path, 'it is empty, truncated or no zip', cause));
      else resolve(zip);
    });
  });
}

function nextEntry(zip: ZipFile, path: string): Promise<Entry | undefined> {
  return new Promise((resolve, reject) => {
    const settle = (done: () => void) => {
      zip.removeListener('entry', onEntry);
      zip.removeListener('end', onEnd);
      zip.removeListener('error', onError);
      done();
    };
    const onEntry = (entry: Entry) => settle(() => resolve(entry));
    const onEnd = () => settle(() => resolve(undefined));
    const onError = (cause: Error) => settle(() => reject(malformed(path, 'its directory is broken', cause)));
    zip.on('entry', onEntry);
    zip.on('end', onEnd);
    zip.on('error', onError);
    zip.readEntry();
  });
}

async function readEntry(zip: ZipFile, entry: Entry, path: string): Promise<string> {
  const name = entry.fileName.slice(0, 100);
  const stream = await new Promise<Readable>((resolve, reject) => {
    zip.openReadStream(entry, (cause, opened) => {
      if (cause) reject(malformed(path, `entry "${name}" cannot be read`, cause));
      else resolve(opened);
    });
  });
  const chunks: Buffer[] = [];
  try {
    // yauzl fails at the first byte beyond the size that was checked above.
    for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch (cause) {
    throw malformed(path, `entry "${name}" is broken`, cause);
  }
}
