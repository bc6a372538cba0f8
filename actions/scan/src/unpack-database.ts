import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { DigestError, LimitStream } from '@paved/digest';
import { JsonError, object, readJsonFile, string } from '@paved/json';
import { extract } from 'tar-stream';
import { ScanError } from './error.js';

const MAGIC = { zstd: '28b52ffd', zip: '504b0304' } as const;
const TRIVY_FILES = ['metadata.json', 'trivy.db'];
const MAX_METADATA_BYTES = 64 * 1024;

const trivyMetadata = object({ UpdatedAt: string });

/** A page that says "sorry" with status 200 is told from a database before a scanner reads it. */
export async function assertArchive(path: string, provider: string, kind: keyof typeof MAGIC): Promise<void> {
  const handle = await open(path);
  try {
    const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    if (buffer.toString('hex') === MAGIC[kind]) return;
    throw malformed(provider, `it is no ${kind} archive`);
  } finally {
    await handle.close();
  }
}

/**
 * Takes the two files of trivy's database out of its .tar.gz, and nothing else, and returns when it was built.
 * @throws {ScanError} `DATABASE_MALFORMED`
 */
export async function unpackTrivy(
  packed: string,
  folder: string,
  maxBytes: number,
): Promise<{ readonly builtAt: string }> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { mode: 0o755 });
  const found = new Set<string>();
  try {
    const archive = extract();
    const unpacked = pipeline(
      createReadStream(packed),
      createGunzip(),
      new LimitStream('the database of trivy', maxBytes),
      archive,
    );
    // Its failure also ends the loop below, which reports it.
    unpacked.catch(() => {});
    for await (const entry of archive) {
      const name = entry.header.name.replace(/^\.\//, '');
      if (entry.header.type !== 'file' || !TRIVY_FILES.includes(name)) {
        entry.resume();
        continue;
      }
      found.add(name);
      await pipeline(entry, createWriteStream(join(folder, name), { flags: 'wx', mode: 0o644 }));
    }
    await unpacked;
    if (found.size !== TRIVY_FILES.length) throw malformed('trivy', `it does not hold ${TRIVY_FILES.join(' and ')}`);
    const { UpdatedAt } = await readJsonFile(join(folder, 'metadata.json'), trivyMetadata, MAX_METADATA_BYTES);
    if (Number.isNaN(Date.parse(UpdatedAt))) throw malformed('trivy', 'its metadata has no time');
    await chmod(folder, 0o755);
    return { builtAt: new Date(UpdatedAt).toISOString() };
  } catch (cause) {
    await rm(folder, { recursive: true, force: true });
    if (cause instanceof ScanError) throw cause;
    const state = cause instanceof DigestError || cause instanceof JsonError ? cause.message : 'it is no such archive';
    throw malformed('trivy', state, cause);
  }
}

function malformed(provider: string, state: string, cause?: unknown): ScanError {
  return new ScanError('DATABASE_MALFORMED', `Cannot use the database of ${provider}: ${state}`, {
    cause,
    hint: 'The mirror answered with something else; name another one',
  });
}
