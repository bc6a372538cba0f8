import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { relativePath, sha256Field, timestamp } from '@paved/attestation';
import { digestHex, sha256 } from '@paved/digest';
import { array, literal, object, parseJson, string } from '@paved/json';
import { QueryError } from './error.js';

const manifest = object({
  mediaType: literal('application/vnd.paved.evidence-manifest.v1+json'),
  artifact: object({
    name: string,
    architecture: string,
    subjects: array(object({ name: string, digest: sha256Field })),
  }),
  run: object({ repository: string, sha: string, ref: string, runId: string }),
  createdAt: timestamp,
  files: array(object({ path: relativePath, sha256: sha256Field })),
});
export type StoredManifest = ReturnType<typeof manifest>;

/** One pack of the store; `read` gives bytes that are what the manifest says. */
export interface StoredPack {
  readonly manifest: StoredManifest;
  read(path: string): Promise<Buffer>;
}

const HEX = /^[0-9a-f]{64}$/;
/** What a writer that was interrupted leaves. */
const INCOMPLETE = '.incomplete-';

/**
 * Every pack below `<store>/<artifact>/<sha256 of manifest>/`. The key binds the manifest and the manifest binds each file: who can
 * change a file without being seen would have to change the name of its folder.
 * @throws {QueryError} `STORE_CORRUPT`, `STORE_UNREADABLE`
 */
export async function* readStore(store: string): AsyncGenerator<StoredPack> {
  if (!(await stat(store).catch(() => undefined))?.isDirectory()) {
    throw new QueryError('STORE_UNREADABLE', `Cannot answer from "${store}": it is no directory`, {
      hint: 'Name the directory that evidence-upload stores into',
    });
  }
  for (const name of await folders(store)) {
    for (const key of await folders(join(store, name))) {
      if (key.startsWith(INCOMPLETE) || !HEX.test(key)) continue;
      yield await openPack(join(store, name, key), key);
    }
  }
}

async function folders(path: string): Promise<readonly string[]> {
  const entries = await readdir(path, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

function corrupt(what: string, state: string, cause?: unknown): QueryError {
  return new QueryError('STORE_CORRUPT', `Cannot answer from "${what}": ${state}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'Restore the pack from another copy of the store',
  });
}

async function openPack(folder: string, key: string): Promise<StoredPack> {
  const bytes = await readFile(join(folder, 'manifest.json')).catch((cause: unknown) => {
    throw corrupt(folder, 'it has no manifest', cause);
  });
  if (digestHex(sha256(bytes)) !== key) throw corrupt(folder, 'its manifest is not the one that its key names');
  const decoded = parseJson('the manifest of a pack', bytes.toString('utf8'), manifest);
  const known = new Map(decoded.files.map(({ path, sha256: digest }) => [path, digest]));
  return {
    manifest: decoded,
    async read(path) {
      const content = await readFile(join(folder, path)).catch((cause: unknown) => {
        throw corrupt(join(folder, path), 'it is missing', cause);
      });
      if (sha256(content) !== known.get(path)) throw corrupt(join(folder, path), 'it was changed');
      return content;
    },
  };
}
