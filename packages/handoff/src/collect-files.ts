import { lstat, readdir, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { HandoverCaps } from './caps.js';
import { NameRegister, nameFault } from './entry-name.js';
import { HandoffError } from './error.js';

export interface CollectedFile {
  /** Name in the archive. */
  readonly name: string;
  readonly path: string;
  /** Where it really lay when it was listed. */
  readonly realPath: string;
}

/**
 * The regular files of a folder (or the one file at `path`), sorted by the bytes of their names; empty folders are not handed over.
 * @throws {HandoffError} `HANDOFF_FILE_REFUSED` for links, devices, pipes, sockets, and names that the receiver would refuse
 */
export async function collectFiles(path: string, caps: HandoverCaps): Promise<readonly CollectedFile[]> {
  const root = await lstat(path).catch((cause: unknown) => {
    throw new HandoffError('HANDOFF_MISSING', `Cannot hand over "${path}": it does not exist`, {
      cause,
      hint: 'Name a file or folder that an earlier step left there',
    });
  });
  const names = root.isDirectory() ? await walk(path, '', caps) : [assertName(basename(path))];
  const base = root.isDirectory() ? path : dirname(path);
  if (!root.isDirectory() && !root.isFile()) throw refused(path, 'it is not a regular file');
  if (names.length === 0) {
    throw new HandoffError('HANDOFF_EMPTY', `Cannot hand over "${path}": it contains no file`, {
      hint: 'Check the step that should have written it',
    });
  }
  const register = new NameRegister(caps.maxFiles);
  const sorted = names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  for (const name of sorted) {
    const fault = register.add(name);
    if (fault !== undefined) throw refused(name, fault);
  }
  const realBase = await realpath(base);
  return sorted.map((name) => ({ name, path: join(base, name), realPath: join(realBase, name) }));
}

async function walk(root: string, folder: string, caps: HandoverCaps): Promise<readonly string[]> {
  const names: string[] = [];
  for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
    const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
    assertName(name);
    if (entry.isDirectory()) names.push(...(await walk(root, name, caps)));
    else if (entry.isFile()) names.push(name);
    else throw refused(name, 'it is neither a regular file nor a folder');
    if (names.length > caps.maxFiles) {
      throw new HandoffError('HANDOFF_TOO_LARGE', `Cannot hand over "${root}": more than ${caps.maxFiles} files`, {
        hint: 'Name fewer files, or pack them into one',
      });
    }
  }
  return names;
}

function assertName(name: string): string {
  const fault = nameFault(name);
  if (fault !== undefined) throw refused(name, fault);
  return name;
}

function refused(name: string, state: string): HandoffError {
  return new HandoffError('HANDOFF_FILE_REFUSED', `Cannot hand over ${JSON.stringify(name.slice(0, 200))}: ${state}`, {
    hint: 'Hand over regular files with plain names; replace links by what they point at',
  });
}
