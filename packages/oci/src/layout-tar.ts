import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { extract, type Header } from 'tar-stream';
import { OciError } from './error.js';

export interface ExtractLimits {
  /** Sum of all members, in bytes (default 16 GiB). */
  readonly maxBytes?: number;
  /** Default 20,000. */
  readonly maxEntries?: number;
}

const DEFAULT_MAX_BYTES = 16 * 1024 ** 3;
const DEFAULT_MAX_ENTRIES = 20_000;
const WANTED = /^(?:oci-layout|index\.json|blobs\/(?:sha256\/[0-9a-f]{64}|sha512\/[0-9a-f]{128}))$/;

/**
 * Unpacks the members of an uncompressed OCI archive that belong to a layout into `targetDir`, which must be empty.
 * Names are matched, never joined as they stand; links, devices, traversal and repeated members are refused.
 * @throws {OciError} `LAYOUT_INVALID`
 */
export async function extractLayoutTar(tarPath: string, targetDir: string, limits: ExtractLimits = {}): Promise<void> {
  const maxBytes = limits.maxBytes ?? DEFAULT_MAX_BYTES;
  const maxEntries = limits.maxEntries ?? DEFAULT_MAX_ENTRIES;
  if (!(await stat(tarPath)).isFile()) throw refused('the archive', 'it is not a regular file');
  const seen = new Set<string>();
  let [entries, bytes] = [0, 0];
  const reader = extract();
  const feeding = pipeline(createReadStream(tarPath), reader);
  feeding.catch(() => undefined);
  try {
    for await (const entry of reader) {
      const { header } = entry;
      entries += 1;
      bytes += header.size ?? 0;
      if (entries > maxEntries) throw refused('the archive', `it has more than ${maxEntries} members`);
      if (bytes > maxBytes) throw refused('the archive', `it unpacks to more than ${maxBytes} bytes`);
      await take(entry, memberName(header), targetDir, seen);
    }
    await feeding;
  } catch (cause) {
    reader.destroy();
    if (cause instanceof OciError) throw cause;
    throw new OciError('LAYOUT_INVALID', 'Cannot read the archive of the layout: it is damaged', { cause });
  }
}

function memberName(header: Header): string {
  const name = header.name.replace(/^\.\//, '').replace(/\/$/, '');
  if (header.type !== 'file' && header.type !== 'directory') {
    throw refused(header.name, `it is a ${String(header.type)}, only files and directories are allowed`);
  }
  const parts = name.split('/');
  if (name.startsWith('/') || name.includes('\\') || name.includes('\0') || parts.includes('..')) {
    throw refused(header.name, 'its path leaves the archive');
  }
  return name;
}

async function take(
  entry: AsyncIterable<unknown> & { readonly header: Header },
  name: string,
  targetDir: string,
  seen: Set<string>,
): Promise<void> {
  if (entry.header.type === 'directory' || !WANTED.test(name)) {
    for await (const _ of entry);
    return;
  }
  if (seen.has(name)) throw refused(name, 'it is there twice, and readers differ in which one they take');
  seen.add(name);
  const target = join(targetDir, name);
  await mkdir(dirname(target), { recursive: true, mode: 0o700 });
  await pipeline(entry as AsyncIterable<Buffer>, createWriteStream(target, { flags: 'wx', mode: 0o600 }));
}

function refused(name: string, state: string): OciError {
  return new OciError('LAYOUT_INVALID', `Cannot read ${JSON.stringify(name.slice(0, 120))} of the layout: ${state}`);
}
