import type { Readable } from 'node:stream';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import { HermeticBuildError } from '../error.js';

const MAX_ENTRIES = 200_000;
const MAX_UNPACKED_BYTES = 2 * 1024 ** 3;
const UNIX_TYPE = 0o170000;
const UNIX_REGULAR = 0o100000;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const FORBIDDEN = /[\0-\x1f\x7f\\]/;

/**
 * Calls `onFile` for each file of a zip, in the order of its directory, with its content as a stream that must be read.
 * Two entries of one name are refused, because which of them counts depends on who unpacks.
 * @throws {HermeticBuildError} `ARCHIVE_UNSAFE`
 */
export async function walkZip(
  label: string,
  path: string,
  onFile: (name: string, content: Readable) => Promise<void>,
): Promise<void> {
  const zip = await openZip(label, path);
  const seen = new Set<string>();
  let size = 0;
  try {
    if (zip.entryCount > MAX_ENTRIES) throw unsafe(label, `it has more than ${MAX_ENTRIES} entries`);
    for (let entry = await next(zip); entry !== undefined; entry = await next(zip)) {
      const name = safeName(label, entry);
      if (seen.has(name)) throw unsafe(label, `it has ${JSON.stringify(name.slice(0, 200))} twice`);
      seen.add(name);
      if (name.endsWith('/')) continue;
      size += entry.uncompressedSize;
      if (size > MAX_UNPACKED_BYTES) throw unsafe(label, `it has more than ${MAX_UNPACKED_BYTES} bytes inflated`);
      await onFile(name, await contentOf(zip, entry));
    }
  } catch (cause) {
    throw cause instanceof HermeticBuildError ? cause : unsafe(label, 'it cannot be read', cause);
  } finally {
    zip.close();
  }
}

function openZip(label: string, path: string): Promise<ZipFile> {
  return new Promise((resolve, reject) => {
    yauzl.open(path, { lazyEntries: true, autoClose: false, validateEntrySizes: true }, (cause, zip) => {
      if (cause) reject(unsafe(label, 'it is no zip', cause));
      else resolve(zip);
    });
  });
}

function next(zip: ZipFile): Promise<Entry | undefined> {
  return new Promise((resolve, reject) => {
    const done = (entry?: Entry) => {
      zip.removeListener('entry', done);
      zip.removeListener('end', done);
      zip.removeListener('error', reject);
      resolve(entry);
    };
    zip.once('entry', done);
    zip.once('end', done);
    zip.once('error', reject);
    zip.readEntry();
  });
}

function contentOf(zip: ZipFile, entry: Entry): Promise<Readable> {
  return new Promise((resolve, reject) => {
    zip.openReadStream(entry, (cause, stream) => (cause ? reject(cause) : resolve(stream)));
  });
}

/** Attack: `../` and absolute names, links that later entries are written through. */
function safeName(label: string, entry: Entry): string {
  const name = entry.fileName;
  const segments = name.replace(/\/$/, '').split('/');
  const odd = segments.some((segment) => segment === '' || segment === '.' || segment === '..');
  if (odd || FORBIDDEN.test(name)) throw unsafe(label, `it has the path ${JSON.stringify(name.slice(0, 200))}`);
  const type = (entry.externalFileAttributes >>> 16) & UNIX_TYPE;
  if (type !== 0 && type !== UNIX_REGULAR && !name.endsWith('/'))
    throw unsafe(label, `"${name.slice(0, 200)}" is no file`);
  return name;
}

function unsafe(label: string, state: string, cause?: unknown): HermeticBuildError {
  return new HermeticBuildError('ARCHIVE_UNSAFE', `Cannot unpack "${label}": ${state}`, {
    cause,
    hint: 'Do not use this version; report it to the registry',
  });
}
