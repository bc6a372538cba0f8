import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, digestHex } from '@paved/digest';
import type { ArtifactService } from './artifact-service.js';
import { DEFAULT_CAPS, type HandoverCaps } from './caps.js';
import { collectFiles } from './collect-files.js';
import { HandoffError } from './error.js';
import { packArchive } from './pack-archive.js';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

export interface SendOptions {
  /** Folder, or one file. */
  readonly path: string;
  /** Name of the artifact; a run can have it once. */
  readonly name: string;
  /** Private folder in which the archive is made and removed again. */
  readonly workFolder: string;
  readonly caps?: Partial<HandoverCaps>;
}

/** `artifactId` and `digest` belong into the job's outputs: they are what the receiver trusts. */
export interface SentHandover {
  readonly artifactId: number;
  /** SHA-256 of the raw archive. */
  readonly digest: Digest;
  /** Bytes of the archive. */
  readonly size: number;
  readonly files: number;
}

/** @throws {HandoffError} `HANDOFF_NAME_INVALID`, `_EMPTY`, `_FILE_REFUSED`, `_TOO_LARGE`, `_TRANSFER_FAILED`, `_DIGEST_MISMATCH` */
export async function sendHandover(options: SendOptions, service: ArtifactService): Promise<SentHandover> {
  if (!NAME.test(options.name)) {
    throw new HandoffError(
      'HANDOFF_NAME_INVALID',
      `Cannot hand over files as ${JSON.stringify(options.name.slice(0, 100))}`,
      {
        hint: 'Use letters, digits, dots, dashes and underscores',
      },
    );
  }
  const caps = { ...DEFAULT_CAPS, ...options.caps };
  const files = await collectFiles(options.path, caps);
  const folder = await mkdtemp(join(options.workFolder, 'send-'));
  try {
    const archivePath = join(folder, `${options.name}.tar`);
    const { digest, size } = await packArchive(files, archivePath, caps);
    const { id, sha256 } = await service.upload(archivePath);
    if (sha256 !== undefined && sha256 !== digestHex(digest)) {
      throw new HandoffError(
        'HANDOFF_DIGEST_MISMATCH',
        `Cannot hand over "${options.name}": the uploaded bytes differ`,
        { hint: 'Let no step write the files while they are sent; then run the job again' },
      );
    }
    return { artifactId: id, digest, size, files: files.length };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
