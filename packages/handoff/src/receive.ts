import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, mkdtemp, open, realpath, rename, rm } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Digest, DigestStream } from '@paved/digest';
import type { ArtifactService } from './artifact-service.js';
import { DEFAULT_CAPS, type HandoverCaps, tooLarge } from './caps.js';
import { HandoffError } from './error.js';
import { extract } from './extract.js';
import { readArchive } from './read-archive.js';
import { readChunks } from './read-chunks.js';

export type { ArtifactService } from './artifact-service.js';

export interface ReceiveOptions {
  readonly artifactId: number;
  /** SHA-256 of the raw archive, from the outputs of the job that sent it. */
  readonly digest: Digest;
  /** Must not exist; its parent must, and must be writable by this job alone. */
  readonly targetFolder: string;
  /** GITHUB_WORKSPACE: a later checkout would delete or mix what lies in it. */
  readonly workspace: string;
  readonly caps?: Partial<HandoverCaps>;
}

export interface ReceivedHandover {
  readonly folder: string;
  /** Names relative to `folder`, in the order of the archive. */
  readonly files: readonly string[];
  /** Bytes of the archive. */
  readonly size: number;
}

/**
 * Downloads an archive by id, compares its SHA-256 before anything reads it as an archive, and extracts it. `targetFolder` appears
 * complete or not at all.
 * @throws {HandoffError} `HANDOFF_INSIDE_WORKSPACE`, `_TARGET_EXISTS`, `_MISSING`, `_TRANSFER_FAILED`, `_TOO_LARGE`,
 *   `_DIGEST_MISMATCH`, `_ARCHIVE_REFUSED`
 */
export async function receiveHandover(options: ReceiveOptions, service: ArtifactService): Promise<ReceivedHandover> {
  const caps = { ...DEFAULT_CAPS, ...options.caps };
  const target = resolve(options.targetFolder);
  await assertOutside(options.workspace, target);
  await assertAbsent(target);
  const staging = await mkdtemp(join(dirname(target), '.receive-'));
  try {
    const path = await service.download(options.artifactId, join(staging, 'archive'), caps.maxBytes);
    // One handle from the digest to the last file: what was hashed is what is read.
    const archive = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const size = await assertDigest(archive, options.digest, caps);
      const entries = await readArchive(archive, size, caps);
      const files = join(staging, 'files');
      await mkdir(files, { mode: 0o755 });
      await extract(archive, entries, files);
      await rename(files, target);
      return { folder: target, files: entries.map((entry) => entry.name), size };
    } finally {
      await archive.close();
    }
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

async function assertOutside(workspace: string, target: string): Promise<void> {
  const [root, parent] = await Promise.all([realpath(workspace), realpath(dirname(target))]);
  const path = relative(root, parent);
  const outside = path === '..' || path.startsWith('../');
  if (outside) return;
  throw new HandoffError('HANDOFF_INSIDE_WORKSPACE', `Cannot receive into "${target}": it lies inside the workspace`, {
    hint: 'Receive into a folder under RUNNER_TEMP',
  });
}

async function assertAbsent(target: string): Promise<void> {
  const found = await lstat(target).catch(() => undefined);
  if (found === undefined) return;
  throw new HandoffError('HANDOFF_TARGET_EXISTS', `Cannot receive into "${target}": it exists`, {
    hint: 'Name a folder that does not exist yet',
  });
}

async function assertDigest(archive: FileHandle, expected: Digest, caps: HandoverCaps): Promise<number> {
  const stat = await archive.stat();
  if (!stat.isFile()) {
    throw new HandoffError('HANDOFF_ARCHIVE_REFUSED', 'Cannot open the handed-over archive: it is not a regular file', {
      hint: 'Run the job that sent it again; let no step write into the folder of the hand-over',
    });
  }
  if (stat.size > caps.maxBytes) throw tooLarge(stat.size, caps.maxBytes);
  const hash = new DigestStream();
  await pipeline(readChunks(archive, 0, stat.size), hash, async (chunks: AsyncIterable<Buffer>) => {
    for await (const _ of chunks);
  });
  if (hash.digest === expected) return stat.size;
  throw new HandoffError(
    'HANDOFF_DIGEST_MISMATCH',
    `Cannot accept the hand-over: its digest is ${hash.digest}, expected ${expected}`,
    { hint: 'The artifact was changed after the job that sent it; find out by whom before you run the workflow again' },
  );
}
