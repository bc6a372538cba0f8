import { createReadStream, createWriteStream } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Digest, DigestStream } from '@paved/digest';
import { type Pack, pack } from 'tar-stream';
import { type ImageFile, invalidImage } from './description.js';

export interface Layer {
  readonly digest: Digest;
  readonly size: number;
  /** Absolute paths of the files. */
  readonly paths: readonly string[];
}

interface Entry {
  readonly source: string;
  readonly mode: number;
  readonly size: number;
}

/**
 * Writes one layer as an uncompressed tar: sorted names, root as owner, one time for everything. No compressor of any version has a
 * say in its bytes, so its digest is that of the content (and the diff id at once).
 * @param sourceDateEpoch time of each entry, in seconds
 */
export async function writeLayer(
  files: readonly ImageFile[],
  root: string,
  target: string,
  sourceDateEpoch: number,
): Promise<Layer> {
  const entries = await collect(files, root);
  const archive = pack();
  const hashing = new DigestStream();
  const writing = pipeline(archive, hashing, createWriteStream(target));
  const mtime = new Date(sourceDateEpoch * 1000);
  const owner = { uid: 0, gid: 0, uname: '', gname: '', mtime };
  try {
    for (const [name, entry] of [...entries].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (entry === 'folder') archive.entry({ ...owner, name: `${name.slice(1)}/`, type: 'directory', mode: 0o755 });
      else await addFile(archive, { ...owner, name: name.slice(1), mode: entry.mode, size: entry.size }, entry.source);
    }
    archive.finalize();
  } catch (error) {
    archive.destroy();
    await writing.catch(() => {});
    throw error;
  }
  await writing;
  const paths = [...entries].flatMap(([name, entry]) => (entry === 'folder' ? [] : [name])).sort();
  return { digest: hashing.digest, size: hashing.size, paths };
}

async function addFile(archive: Pack, header: Parameters<Pack['entry']>[0], source: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const entry = archive.entry(header, (error) => (error ? reject(error) : resolve()));
    pipeline(createReadStream(source), entry).catch(reject);
  });
}

/** Absolute path in the image to what stands there, every folder on the way included. */
async function collect(files: readonly ImageFile[], root: string): Promise<ReadonlyMap<string, Entry | 'folder'>> {
  const entries = new Map<string, Entry | 'folder'>();
  const addFolders = (path: string) => {
    for (let folder = posix.dirname(path); folder !== '/'; folder = posix.dirname(folder)) {
      const known = entries.get(folder);
      if (known !== undefined && known !== 'folder') throw invalidImage(`"${folder}" is a file and a folder`);
      entries.set(folder, 'folder');
    }
  };
  const add = async (source: string, to: string, mode: string | undefined): Promise<void> => {
    const info = await lstat(source).catch(() => undefined);
    if (info === undefined) throw invalidImage(`the build left nothing for "${to}"`);
    if (info.isDirectory()) {
      for (const name of await readdir(source)) await add(join(source, name), posix.join(to, name), mode);
      return;
    }
    if (!info.isFile()) throw invalidImage(`"${to}" would be a link or no file`);
    if (entries.has(to) || to === '/') throw invalidImage(`"${to}" is there twice`);
    const own = (info.mode & 0o111) === 0 ? 0o644 : 0o755;
    addFolders(to);
    entries.set(to, { source, size: info.size, mode: mode === undefined ? own : Number.parseInt(mode, 8) });
  };
  for (const { from, to, mode } of files) await add(join(root, from), to, mode);
  return entries;
}
