import { posix } from 'node:path';
import { invalidImage } from './description.js';
import type { TarEntry } from './tar-entry.js';

/** What stands at a path: shared by all paths that are hard links to it. */
export interface TreeNode {
  readonly entry: TarEntry;
  /** Where its bytes are kept; for regular files alone. */
  readonly content?: string;
}

interface Placed {
  node: TreeNode;
  layer: number;
}

const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';
const MAX_LINKS = 40;

/**
 * The file system that layers give when they are applied one over the other (image-spec 1.1, "Applying Changesets"), as a map. No name
 * out of a layer touches the disk. Links in the folders of a name are followed within the image, as runtimes do.
 */
export class MergedTree {
  readonly #paths = new Map<string, Placed>();
  /** Folder to the names in it. */
  readonly #children = new Map<string, Set<string>>();
  #layer = -1;

  startLayer(): void {
    this.#layer++;
  }

  /** @throws {HermeticBuildError} `IMAGE_INVALID` for a name that leads out, or a hard link to nothing */
  add(entry: TarEntry, content?: string): void {
    const named = cleanName(entry.name);
    // The root's own mode is the runtime's; nobody keeps it.
    if (named === '/') return;
    const path = this.#realPath(named);
    const name = posix.basename(path);
    if (name.startsWith(WHITEOUT)) {
      this.#whiteOut(posix.dirname(path), name);
      return;
    }
    const node =
      entry.type === 'hardlink' ? this.#linked(entry) : { entry, ...(content === undefined ? {} : { content }) };
    const isFolder = node.entry.type === 'directory';
    if (!isFolder) this.#remove(path);
    else if (this.#paths.get(path)?.node.entry.type !== 'directory') this.#remove(path);
    this.#place(path, node);
  }

  /** Every path but the root, in the order of its bytes, a folder before what is in it. */
  entries(): readonly (readonly [string, TreeNode])[] {
    const all = [...this.#paths].map(([path, { node }]) => [path, node, Buffer.from(path)] as const);
    return all.sort(([, , a], [, , b]) => Buffer.compare(a, b)).map(([path, node]) => [path, node] as const);
  }

  /** What a program of the image would find at an absolute path, links followed within the image; the path is the real one. */
  find(path: string): readonly [string, TreeNode] | undefined {
    let real = this.#realPath(posix.join('/', path));
    for (let links = 0; links <= MAX_LINKS; links++) {
      const node = this.#paths.get(real)?.node;
      if (node?.entry.type !== 'symlink') return node === undefined ? undefined : [real, node];
      real = this.#realPath(posix.resolve(posix.dirname(real), node.entry.linkname));
    }
    return undefined;
  }

  #whiteOut(folder: string, name: string): void {
    const gone = name.slice(WHITEOUT.length);
    if (name === OPAQUE) this.#removeLower(folder, true);
    else if (gone === '' || gone === '.' || gone === '..') throw invalidImage(`a layer has the whiteout "${name}"`);
    else this.#removeLower(posix.join(folder, gone), false);
  }

  #linked({ linkname, name }: TarEntry): TreeNode {
    const target = this.#paths.get(this.#realPath(cleanName(linkname)))?.node;
    if (target === undefined || target.entry.type === 'directory') {
      throw invalidImage(`"${name.slice(0, 200)}" is a hard link to nothing`);
    }
    return target;
  }

  #place(path: string, node: TreeNode): void {
    const folder = posix.dirname(path);
    if (folder !== '/' && !this.#paths.has(folder)) this.#place(folder, { entry: plainFolder(folder) });
    this.#paths.set(path, { node, layer: this.#layer });
    const names = this.#children.get(folder) ?? new Set();
    names.add(posix.basename(path));
    this.#children.set(folder, names);
  }

  #remove(path: string): void {
    for (const name of [...(this.#children.get(path) ?? [])]) this.#remove(posix.join(path, name));
    this.#children.delete(path);
    this.#paths.delete(path);
    this.#children.get(posix.dirname(path))?.delete(posix.basename(path));
  }

  /** A whiteout hides what lies below, never what its own layer brings, wherever in the layer it stands. */
  #removeLower(path: string, keepFolder: boolean): void {
    for (const name of [...(this.#children.get(path) ?? [])]) this.#removeLower(posix.join(path, name), false);
    const placed = this.#paths.get(path);
    if (keepFolder || placed === undefined || placed.layer === this.#layer) return;
    if ((this.#children.get(path)?.size ?? 0) === 0) this.#remove(path);
  }

  /** With every folder of `path` that is a link replaced by where it leads; the last part is never followed. */
  #realPath(path: string): string {
    let links = 0;
    const missing = path.split('/').filter((part) => part !== '');
    let real = '/';
    while (missing.length > 1) {
      const part = missing.shift() ?? '';
      if (part === '..') {
        real = posix.dirname(real);
        continue;
      }
      if (part === '.') continue;
      const next = posix.join(real, part);
      const node = this.#paths.get(next)?.node;
      if (node?.entry.type !== 'symlink') {
        real = next;
        continue;
      }
      if (++links > MAX_LINKS) throw invalidImage(`"${path.slice(0, 200)}" leads through too many links`);
      const target = node.entry.linkname;
      if (target.startsWith('/')) real = '/';
      missing.unshift(...target.split('/').filter((piece) => piece !== ''));
    }
    return posix.join(real, missing[0] ?? '');
  }
}

function cleanName(name: string): string {
  if (name.includes('\0') || name.split('/').includes('..')) {
    throw invalidImage(`a layer has the name ${JSON.stringify(name.slice(0, 200))}`);
  }
  return posix.join('/', name).replace(/(.)\/$/, '$1');
}

function plainFolder(path: string): TarEntry {
  return {
    name: path,
    type: 'directory',
    mode: 0o755,
    uid: 0,
    gid: 0,
    size: 0,
    linkname: '',
    deviceMajor: 0,
    deviceMinor: 0,
    mtime: 0,
    xattrs: new Map(),
  };
}
