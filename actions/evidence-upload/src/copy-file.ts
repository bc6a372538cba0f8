import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Digest, parseDigest } from '@paved/digest';
import { EvidenceError } from './error.js';

export interface CopiedFile {
  readonly size: number;
  readonly sha256: Digest;
}

/** What was a file when it was listed may be a link or a pipe by now: neither is followed or waited for. */
const OPEN_SOURCE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Copies bytes into a file that must not exist yet, and returns when they are on the disk; the digest is of what was written.
 * @throws {EvidenceError} `PACK_INVALID` for a source that is no regular file, or a link
 */
export async function copyFile(source: string, target: string): Promise<CopiedFile> {
  await mkdir(dirname(target), { recursive: true, mode: 0o755 });
  const hash = createHash('sha256');
  let size = 0;
  const from = await openSource(source);
  try {
    const handle = await open(target, 'wx', 0o644);
    try {
      for await (const chunk of from.createReadStream({ autoClose: false }) as AsyncIterable<Buffer>) {
        await handle.appendFile(chunk);
        hash.update(chunk);
        size += chunk.length;
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
  } finally {
    await from.close();
  }
  return { size, sha256: parseDigest(`sha256:${hash.digest('hex')}`) };
}

async function openSource(path: string): Promise<FileHandle> {
  const refuse = (state: string, cause?: unknown) =>
    new EvidenceError('PACK_INVALID', `Cannot take "${path}" into the pack: ${state}`, {
      cause,
      hint: 'Let no step or process write into the folder while the pack is made',
    });
  const handle = await open(path, OPEN_SOURCE).catch((cause: unknown) => {
    throw isLink(cause) ? refuse('it is a link by now', cause) : cause;
  });
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw refuse('it is no regular file any more');
}

function isLink(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 'ELOOP';
}
