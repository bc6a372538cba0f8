import { realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, relative } from 'node:path';
import type { ReadOnlyBind } from './sandbox.js';

export interface Toolchain {
  /** PATH of the command, without what is not visible inside. */
  readonly path: string;
  readonly binds: readonly ReadOnlyBind[];
  /** Entries that hold the runner's own files or do not exist, and are therefore not shown. */
  readonly dropped: readonly string[];
}

/** Always visible, read-only (see the setup script). */
const SYSTEM = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/opt'];
/** Sockets, secrets and the runner's state live here; a PATH entry is no reason to show them. Snap needs its daemon. */
const NEVER = ['/dev', '/etc', '/home', '/proc', '/root', '/run', '/snap', '/sys', '/tmp', '/var'];
const FALLBACK = '/usr/local/bin:/usr/bin:/bin';

/**
 * Decides which folders of PATH the command sees. A folder outside of the system's is bound read-only; one named `bin` brings its
 * parent, because tools look for `../lib`. Nothing that lies in, or holds, one of `hidden` (home, RUNNER_TEMP, workspace) is shown.
 */
export async function planToolchain(
  path: string,
  hidden: readonly string[],
  never: readonly string[] = NEVER,
): Promise<Toolchain> {
  const secret = [...never, ...(await Promise.all(hidden.map((folder) => realpath(folder).catch(() => folder))))];
  const kept: string[] = [];
  const dropped: string[] = [];
  const binds = new Map<string, ReadOnlyBind>();
  for (const entry of new Set(path.split(':'))) {
    const folder = isAbsolute(entry) ? await realFolder(entry) : undefined;
    const bind = folder === undefined ? undefined : bindOf(folder);
    if (folder === undefined || (bind !== undefined && touches(bind, secret))) {
      dropped.push(entry);
      continue;
    }
    kept.push(folder);
    if (bind !== undefined && ![...binds.keys()].some((known) => isInside(bind, known))) {
      binds.set(bind, { source: bind, target: bind });
    }
  }
  return { path: kept.length === 0 ? FALLBACK : [...new Set(kept)].join(':'), binds: [...binds.values()], dropped };
}

async function realFolder(entry: string): Promise<string | undefined> {
  try {
    const path = await realpath(entry);
    return (await stat(path)).isDirectory() && !path.includes(':') ? path : undefined;
  } catch {
    return undefined;
  }
}

function bindOf(folder: string): string | undefined {
  if (SYSTEM.some((root) => isInside(folder, root))) return undefined;
  return folder.endsWith('/bin') ? dirname(folder) : folder;
}

function touches(folder: string, secret: readonly string[]): boolean {
  return folder === '/' || secret.some((place) => isInside(folder, place) || isInside(place, folder));
}

/** True for `root` itself and all below it. */
export function isInside(path: string, root: string): boolean {
  const way = relative(root, path);
  return way === '' || (way !== '..' && !way.startsWith('../') && !isAbsolute(way));
}
