import { constants, createWriteStream } from 'node:fs';
import { type FileHandle, lstat, open, realpath } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Digest, DigestError, DigestStream, LimitStream } from '@paved/digest';
import { type Pack, pack } from 'tar-stream';
import type { HandoverCaps } from './caps.js';
import type { CollectedFile } from './collect-files.js';
import { HandoffError } from './error.js';
import { readChunks } from './read-chunks.js';

export interface PackedArchive {
  readonly digest: Digest;
  /** Bytes of the archive. */
  readonly size: number;
}

/** Same names, bytes and executable bits in, same archive out: owner, times and all other mode bits are fixed. */
export async function packArchive(
  files: readonly CollectedFile[],
  archivePath: string,
  caps: HandoverCaps,
): Promise<PackedArchive> {
  const archive = pack();
  const hash = new DigestStream();
  const limit = new LimitStream('the hand-over', caps.maxBytes);
  const written = pipeline(
    Readable.from(archive),
    limit,
    hash,
    createWriteStream(archivePath, { flags: 'wx', mode: 0o600 }),
  );
  try {
    await Promise.all([written, addFiles(archive, files)]);
  } catch (cause) {
    if (!(cause instanceof DigestError)) throw cause;
    throw new HandoffError('HANDOFF_TOO_LARGE', `Cannot hand over the files: more than ${caps.maxBytes} bytes`, {
      cause,
      hint: 'Hand over less, or raise max-bytes on both sides',
    });
  }
  return { digest: hash.digest, size: hash.size };
}

async function addFiles(archive: Pack, files: readonly CollectedFile[]): Promise<void> {
  try {
    for (const file of files) await addFile(archive, file);
    archive.finalize();
  } catch (error) {
    archive.destroy(error instanceof Error ? error : undefined);
    throw error;
  }
}

/** Neither follows a link in the last place nor waits for whoever would write to a pipe. */
const OPEN_FILE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

async function addFile(archive: Pack, file: CollectedFile): Promise<void> {
  const handle = await open(file.path, OPEN_FILE).catch((cause: unknown) => {
    throw changed(file, cause);
  });
  try {
    const stat = await handle.stat();
    if (!stat.isFile() || !(await isWhereListed(handle, file))) throw changed(file);
    const header = {
      name: file.name,
      size: stat.size,
      mode: (stat.mode & 0o100) === 0 ? 0o644 : 0o755,
      mtime: new Date(0),
      uid: 0,
      gid: 0,
      type: 'file',
    } as const;
    await new Promise<void>((resolve, reject) => {
      const entry = archive.entry(header, (error) => (error ? reject(error) : resolve()));
      fill(entry, readChunks(handle, 0, stat.size)).catch(reject);
    });
  } finally {
    await handle.close();
  }
}

/**
 * What was a file in a folder when it was listed could be reached through a link now. The path alone could be put back in time, so the
 * file that it leads to has to be the one that is open.
 */
async function isWhereListed(handle: FileHandle, { path, realPath }: CollectedFile): Promise<boolean> {
  const found = await realpath(path).catch(() => undefined);
  if (found !== realPath) return false;
  const [own, named] = [await handle.stat({ bigint: true }), await lstat(found, { bigint: true })];
  return own.dev === named.dev && own.ino === named.ino;
}

function changed({ name }: CollectedFile, cause?: unknown): HandoffError {
  return new HandoffError('HANDOFF_FILE_REFUSED', `Cannot hand over "${name}": it is not the file that was listed`, {
    cause,
    hint: 'Let no step or process write into the folder while it is sent',
  });
}

async function fill(entry: ReturnType<Pack['entry']>, chunks: AsyncIterable<Buffer>): Promise<void> {
  for await (const chunk of chunks) {
    if (!entry.write(chunk)) await new Promise<void>((resolve) => entry.once('drain', () => resolve()));
  }
  entry.end(undefined);
}
