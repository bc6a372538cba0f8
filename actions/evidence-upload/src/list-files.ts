import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { EvidenceError } from './error.js';

/** `name` is relative to what was given, with `/`. */
export interface FoundFile {
  readonly name: string;
  readonly source: string;
}

/** The regular files that `path` stands for, sorted: itself, or everything below it. @throws {EvidenceError} `PACK_INVALID` */
export async function listFiles(path: string): Promise<readonly FoundFile[]> {
  const info = await stat(path);
  if (info.isFile()) return [{ name: basename(path), source: path }];
  if (!info.isDirectory()) {
    throw new EvidenceError(
      'PACK_INVALID',
      `Cannot take "${path}" into the pack: it is neither a regular file nor a folder`,
      {
        hint: 'Name a regular file: reading a pipe or device may never end',
      },
    );
  }
  const found: FoundFile[] = [];
  await walk(path, '', found);
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function walk(folder: string, prefix: string, found: FoundFile[]): Promise<void> {
  for (const entry of await readdir(join(folder, prefix), { withFileTypes: true })) {
    const name = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
    if (entry.isDirectory()) await walk(folder, name, found);
    else if (entry.isFile()) found.push({ name, source: join(folder, name) });
    // A link could point at a file that changes after it was signed, or at one outside the pack.
    else
      throw new EvidenceError('PACK_INVALID', `Cannot take "${name}" into the pack: it is not a regular file`, {
        hint: 'Replace links and special files by the files themselves',
      });
  }
}
