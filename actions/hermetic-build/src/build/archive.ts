import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { LimitStream } from '@paved/digest';
import { extract, type Header } from 'tar-stream';
import { HermeticBuildError } from '../error.js';

export interface ArchiveFile {
  /** Relative, with `/`, without the archive's first folder. */
  readonly path: string;
  readonly executable: boolean;
}

const MAX_UNPACKED_BYTES = 2 * 1024 ** 3;
const MAX_FILES = 100_000;
const MAX_PATH_LENGTH = 1024;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const FORBIDDEN = /[\0-\x1f\x7f\\]/;

/**
 * Calls `onFile` for each regular file of a package's tarball, in order; `onFile` may leave the content unread. Links are left out,
 * as npm does; anything else that is no file or folder, and any path that leads out, refuses the whole archive.
 * @throws {HermeticBuildError} `ARCHIVE_UNSAFE`
 */
export async function walkArchive(
  label: string,
  path: string,
  onFile: (file: ArchiveFile, content: AsyncIterable<Buffer>) => Promise<void>,
  onFolder?: (path: string) => void,
): Promise<void> {
  const entries = extract();
  // Feeding stops when the loop below throws; that loop has the error to report.
  const feeding = pipeline(
    createReadStream(path),
    createGunzip(),
    new LimitStream(`"${label}" unpacked`, MAX_UNPACKED_BYTES),
    entries,
  );
  const feedError = feeding.then(
    () => undefined,
    (error: unknown) => error,
  );
  try {
    let files = 0;
    for await (const entry of entries) {
      if (++files > MAX_FILES) throw unsafe(label, `it has more than ${MAX_FILES} entries`);
      const file = fileOf(label, entry.header);
      if (file !== undefined) await onFile(file, entry as AsyncIterable<Buffer>);
      else if (entry.header.type === 'directory') onFolder?.(safePath(label, entry.header.name));
      entry.resume();
    }
  } catch (cause) {
    entries.destroy();
    await feedError;
    throw cause instanceof HermeticBuildError ? cause : unsafe(label, 'it cannot be unpacked', cause);
  }
  const error = await feedError;
  if (error !== undefined) throw unsafe(label, 'it cannot be unpacked', error);
}

function fileOf(label: string, header: Header): ArchiveFile | undefined {
  const path = safePath(label, header.name);
  switch (header.type) {
    case 'file':
    case 'contiguous-file':
      return path === '' ? undefined : { path, executable: ((header.mode ?? 0) & 0o111) !== 0 };
    case 'directory':
    case 'symlink':
    case 'link':
    case null:
    case undefined:
      return undefined;
    default:
      throw unsafe(label, `it has an entry of type ${header.type}`);
  }
}

/** Attack: `../` and absolute names (zip slip, CVE-2024-42471 and its kin). */
function safePath(label: string, name: string): string {
  const segments = name.split('/').filter((segment) => segment !== '' && segment !== '.');
  if (name.startsWith('/') || FORBIDDEN.test(name) || name.length > MAX_PATH_LENGTH || segments.includes('..')) {
    throw unsafe(label, `it has the path ${JSON.stringify(name.slice(0, 200))}`);
  }
  return segments.slice(1).join('/');
}

function unsafe(label: string, state: string, cause?: unknown): HermeticBuildError {
  return new HermeticBuildError('ARCHIVE_UNSAFE', `Cannot unpack "${label}": ${state}`, {
    cause,
    hint: 'Do not install this version; report it to the registry',
  });
}
