import { mkdir, mkdtemp, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { digestHex, sha256File } from '@paved/digest';
import type { CheckedPack } from './check-pack.js';
import { copyFile } from './copy-file.js';
import { EvidenceError } from './error.js';
import { listFiles } from './list-files.js';

/** `stored` is false when the same pack was there already. */
export interface Stored {
  readonly location: string;
  readonly stored: boolean;
}

/** `run` keeps the pack with the artifacts of the run; a `file:` URL names a mounted directory. */
export type StoreAddress = { readonly kind: 'run' } | { readonly kind: 'directory'; readonly path: string };

/** @throws {EvidenceError} `STORE_INVALID` for anything but `run` and a `file:` URL without host */
export function parseStore(text: string): StoreAddress {
  if (text === 'run') return { kind: 'run' };
  try {
    const url = new URL(text);
    if (url.protocol === 'file:' && url.search === '' && url.hash === '') {
      return { kind: 'directory', path: fileURLToPath(url) };
    }
  } catch {
    // Falls through: not a URL, or one with a host.
  }
  throw new EvidenceError('STORE_INVALID', `Cannot use store "${text.slice(0, 200)}"`, {
    hint: 'Set store to run, or to file:///path/of/a/mounted/directory',
  });
}

/**
 * Stores a pack under `<store>/<name>/<manifest sha256>/`, create-only: it is written beside its place, flushed, and renamed, so
 * that readers see all of it or nothing; then it is read back. Under one key there is one content for ever.
 * @throws {EvidenceError} `EVIDENCE_EXISTS`, `EVIDENCE_CHANGED`, `STORE_UNAVAILABLE` (full disk, no permission), with nothing left
 */
export async function storePack(store: string, folder: string, pack: CheckedPack): Promise<Stored> {
  const parent = join(store, pack.manifest.artifact.name);
  const target = join(parent, digestHex(pack.manifestDigest));
  const created = await withStoreErrors(store, () => create(parent, target, folder, pack));
  if (!(await holds(target, pack))) throw differs(target, created);
  return { location: pathToFileURL(`${target}/`).href, stored: created };
}

function differs(target: string, created: boolean): EvidenceError {
  if (created) {
    return new EvidenceError('EVIDENCE_CHANGED', `Cannot confirm the pack: ${target} does not hold what was written`, {
      hint: 'Look who else writes to the store; then run it again',
    });
  }
  return new EvidenceError('EVIDENCE_EXISTS', `Cannot store the pack: ${target} holds other files`, {
    hint: 'Evidence is never overwritten; a new run makes a new pack with a key of its own',
  });
}

async function create(parent: string, target: string, folder: string, pack: CheckedPack): Promise<boolean> {
  await mkdir(parent, { recursive: true, mode: 0o755 });
  const temporary = await mkdtemp(join(parent, '.incomplete-'));
  try {
    for (const { path, sha256 } of pack.files) {
      const copied = await copyFile(join(folder, path), join(temporary, path));
      if (copied.sha256 !== sha256) {
        throw new EvidenceError('PACK_DIGEST_MISMATCH', `Cannot store "${path}": it changed while it was copied`, {
          hint: 'Let no step write into the pack while it is stored; then run it again',
        });
      }
    }
    await syncFolders(temporary, pack);
    return await moveInto(temporary, target, parent);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** A rename onto a folder with content fails, so two writers cannot mix. */
async function moveInto(temporary: string, target: string, parent: string): Promise<boolean> {
  try {
    await rename(temporary, target);
  } catch (error) {
    if (isCode(error, 'ENOTEMPTY') || isCode(error, 'EEXIST')) return false;
    throw error;
  }
  await syncFolder(parent);
  return true;
}

async function syncFolders(root: string, pack: CheckedPack): Promise<void> {
  const folders = new Set(pack.files.flatMap(({ path }) => ancestors(path)));
  for (const folder of folders) await syncFolder(join(root, folder));
}

function ancestors(path: string): readonly string[] {
  const parent = dirname(path);
  return parent === '.' ? ['.'] : [parent, ...ancestors(parent)];
}

/** Makes the names in a folder survive a crash. */
async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function holds(target: string, pack: CheckedPack): Promise<boolean> {
  const found = await listFiles(target).catch(() => []);
  if (found.length !== pack.files.length) return false;
  const expected = new Map(pack.files.map(({ path, sha256 }) => [path, sha256]));
  for (const { name, source } of found) {
    if ((await sha256File(source)) !== expected.get(name)) return false;
  }
  return true;
}

async function withStoreErrors<T>(store: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (cause) {
    if (cause instanceof EvidenceError) throw cause;
    throw new EvidenceError('STORE_UNAVAILABLE', `Cannot write to the store "${store}"`, {
      cause,
      hint: 'Check that the directory is mounted, writable and has free space; nothing was left in it',
    });
  }
}

function isCode(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}
