import { constants } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseBundleIndex } from '@paved/attestation';
import { sha256 } from '@paved/digest';
import { MAX_BUNDLE_BYTES } from '@paved/sigstore';
import type { Candidate } from './candidate.js';
import { VerifyError } from './error.js';

const INDEX = 'index.json';
const CHUNK_BYTES = 64 * 1024;

/**
 * Bundles of files and folders: a folder with an index.json of `sign` by that index, any other by the names of Sigstore bundles.
 * Files may hold one bundle, or one on each line.
 * @throws {VerifyError} `BUNDLES_INVALID`
 */
export async function readBundles(paths: readonly string[]): Promise<readonly Candidate[]> {
  const found: Candidate[] = [];
  for (const path of paths) {
    if (!(await stat(path)).isDirectory()) found.push(...(await readBundleFile(path)));
    else found.push(...(await readFolder(path)));
  }
  return found;
}

async function readFolder(folder: string): Promise<readonly Candidate[]> {
  const names = (await readdir(folder)).sort();
  if (names.includes(INDEX)) return await readIndexed(folder);
  const bundles = names.filter((name) => /\.sigstore(\.jsonl?)?$/.test(name));
  return (await Promise.all(bundles.map((name) => readBundleFile(join(folder, name))))).flat();
}

async function readIndexed(folder: string): Promise<readonly Candidate[]> {
  const { bundles } = parseBundleIndex(await readLimited(join(folder, INDEX)));
  return await Promise.all(
    bundles
      .filter(({ content }) => content === 'dsse')
      .map(async (entry) => {
        const text = await readLimited(join(folder, entry.path));
        if (sha256(text) === entry.sha256) return { origin: entry.path, text };
        throw new VerifyError('BUNDLES_INVALID', `Cannot use bundle "${entry.path}": it is not the one of the index`);
      }),
  );
}

async function readBundleFile(path: string): Promise<readonly Candidate[]> {
  const text = await readLimited(path);
  if (isJson(text)) return [{ origin: path, text }];
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.map((line, index) => ({ origin: `${path}:${index + 1}`, text: line }));
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Opening a FIFO that nobody writes to would wait for ever, and a device or a file that grows would never end. */
async function readLimited(path: string): Promise<string> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const info = await handle.stat();
    if (!info.isFile()) {
      throw new VerifyError('BUNDLES_INVALID', `Cannot read "${path}": it is not a regular file`, {
        hint: 'Name the bundles themselves, or their folder',
      });
    }
    const chunks: Buffer[] = [];
    for (let size = 0; Math.max(size, info.size) <= MAX_BUNDLE_BYTES; ) {
      const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(CHUNK_BYTES));
      if (bytesRead === 0) return Buffer.concat(chunks, size).toString('utf8');
      chunks.push(buffer.subarray(0, bytesRead));
      size += bytesRead;
    }
  } finally {
    await handle.close();
  }
  throw new VerifyError('BUNDLES_INVALID', `Cannot read "${path}": it is larger than ${MAX_BUNDLE_BYTES} bytes`);
}
