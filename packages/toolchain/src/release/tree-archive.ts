import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';

const EPOCH = new Date(0);

/** The tree as one tar.gz with fixed owners, modes and times; `files` must be in the order of their paths. */
export async function treeArchive(files: ReadonlyMap<string, Uint8Array>): Promise<Buffer> {
  const archive = pack();
  for (const [name, bytes] of files) archive.entry({ name, mode: 0o644, mtime: EPOCH }, Buffer.from(bytes));
  archive.finalize();
  return gzipSync(await buffer(archive), { level: 9 });
}
