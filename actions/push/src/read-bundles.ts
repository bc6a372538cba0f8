import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { parseBundleIndex } from '@paved/attestation';
import { sha256 } from '@paved/digest';
import { readLimited } from '@paved/oci';
import { PushError } from './error.js';

/** A bundle with a statement, as it was signed. What the index says about its contents is not read: the index is not signed. */
export interface GivenBundle {
  readonly path: string;
  readonly text: string;
}

const MAX_INDEX_BYTES = 16 * 1024 * 1024;
const MAX_BUNDLE_BYTES = 64 * 1024 * 1024;

/**
 * Reads the statement bundles of folders that `sign` wrote; signatures over single files belong to those files and are left out.
 * @throws {PushError} `BUNDLES_INVALID`, `BUNDLE_DIGEST_MISMATCH` when a bundle is not the one that the index names
 */
export async function readBundles(folders: readonly string[]): Promise<readonly GivenBundle[]> {
  const found = new Map<string, GivenBundle>();
  for (const folder of folders) {
    const text = await readRegular(join(folder, 'index.json'), MAX_INDEX_BYTES);
    for (const entry of readIndex(text.toString('utf8'), folder)) {
      const path = join(folder, entry.path);
      const bytes = await readRegular(path, MAX_BUNDLE_BYTES);
      const digest = sha256(bytes);
      if (digest !== entry.sha256) {
        throw new PushError(
          'BUNDLE_DIGEST_MISMATCH',
          `Cannot use bundle "${path}": it was changed after it was signed`,
          { hint: 'Pass bundles-path as sign wrote it, without changes' },
        );
      }
      found.set(digest, { path, text: bytes.toString('utf8') });
    }
  }
  return [...found.values()];
}

function readIndex(text: string, folder: string) {
  try {
    return parseBundleIndex(text).bundles.filter((bundle) => bundle.content === 'dsse');
  } catch (cause) {
    throw new PushError('BUNDLES_INVALID', `Cannot read the bundles in "${folder}"`, {
      cause,
      hint: 'Pass the bundles-path output of sign',
    });
  }
}

async function readRegular(path: string, maxBytes: number): Promise<Buffer> {
  try {
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const bytes = (await handle.stat()).isFile() ? await readLimited(handle, maxBytes) : undefined;
      if (bytes === undefined) throw new RangeError('it is not a regular file within the limit');
      return bytes;
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw new PushError('BUNDLES_INVALID', `Cannot read "${path}"`, {
      cause,
      hint: 'Give the folder that sign wrote, with its index.json',
    });
  }
}
