import type { FileHandle } from 'node:fs/promises';
import type { HandoverCaps } from './caps.js';
import { NameRegister, nameFault } from './entry-name.js';
import { HandoffError } from './error.js';
import { BLOCK, parseExtendedPath, parseTarHeader, type TarHeader } from './tar-header.js';

const MAX_EXTENDED_BYTES = 8 * 1024;
const ZERO_SCAN_BYTES = 1024 * 1024;

/** A regular file in an archive: `size` bytes at `offset`. */
export interface ArchiveEntry {
  readonly name: string;
  readonly size: number;
  readonly offset: number;
  readonly executable: boolean;
}

/**
 * Reads the table of a tar archive and refuses it as a whole before a single file is written: links, folders, devices and every other
 * special entry, extended headers with more than a path, unsafe or colliding names, wrong checksums, and bytes that belong to nothing.
 * @throws {HandoffError} `HANDOFF_ARCHIVE_REFUSED`, `HANDOFF_TOO_LARGE`
 */
export async function readArchive(
  archive: FileHandle,
  archiveBytes: number,
  caps: HandoverCaps,
): Promise<readonly ArchiveEntry[]> {
  const entries: ArchiveEntry[] = [];
  const names = new NameRegister(caps.maxFiles);
  let position = 0;
  let longName: string | undefined;
  for (;;) {
    const block = await readAt(archive, position, BLOCK);
    position += BLOCK;
    if (block.every((byte) => byte === 0)) break;
    const header = parse(() => parseTarHeader(block));
    if (header.size > archiveBytes - position) throw refused('it ends within a file');
    if (header.kind === 'extended') {
      longName = await readLongName(archive, position, header, longName);
    } else {
      const entry = {
        name: longName ?? header.name,
        size: header.size,
        offset: position,
        executable: header.executable,
      };
      const fault = nameFault(entry.name) ?? names.add(entry.name);
      if (fault !== undefined)
        throw refused(`${fault}: entry ${entries.length + 1} ${JSON.stringify(entry.name.slice(0, 200))}`);
      entries.push(entry);
      longName = undefined;
    }
    if (entries.length > caps.maxFiles) throw tooMany(caps);
    position += Math.ceil(header.size / BLOCK) * BLOCK;
  }
  if (longName !== undefined) throw refused('an extended header belongs to no file');
  if (entries.length === 0) throw refused('it contains no file');
  await assertZeros(archive, position, archiveBytes);
  return entries;
}

async function readLongName(
  archive: FileHandle,
  position: number,
  header: TarHeader,
  previous: string | undefined,
): Promise<string> {
  if (previous !== undefined) throw refused('two extended headers follow each other');
  if (header.size > MAX_EXTENDED_BYTES) throw refused('an extended header is too long');
  const bytes = await readAt(archive, position, header.size);
  return parse(() => parseExtendedPath(bytes));
}

/** The end is two zero blocks at least, and nothing but zeros: no second archive hides behind the first. */
async function assertZeros(archive: FileHandle, from: number, archiveBytes: number): Promise<void> {
  if (archiveBytes < from + BLOCK || archiveBytes % BLOCK !== 0) throw refused('its end is missing');
  for (let position = from; position < archiveBytes; position += ZERO_SCAN_BYTES) {
    const bytes = await readAt(archive, position, Math.min(ZERO_SCAN_BYTES, archiveBytes - position));
    if (bytes.some((byte) => byte !== 0)) throw refused('there are bytes behind its end');
  }
}

async function readAt(archive: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await archive.read(Buffer.alloc(length), 0, length, position);
  if (bytesRead !== length) throw refused('it is truncated');
  return buffer;
}

function parse<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw refused(cause instanceof Error ? cause.message : 'a header is malformed');
  }
}

function refused(state: string): HandoffError {
  return new HandoffError('HANDOFF_ARCHIVE_REFUSED', `Cannot open the handed-over archive: ${state}`, {
    hint: 'Only archives that the send mode of the same action wrote are accepted',
  });
}

function tooMany(caps: HandoverCaps): HandoffError {
  return new HandoffError(
    'HANDOFF_TOO_LARGE',
    `Cannot open the handed-over archive: more than ${caps.maxFiles} files`,
    { hint: 'Hand over fewer files, or pack them into one' },
  );
}
