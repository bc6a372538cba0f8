import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { DigestError, LimitStream } from '@paved/digest';
import type { HttpClient } from '@paved/http';
import { tooLarge } from './caps.js';
import { HandoffError } from './error.js';
import { oneLineEach } from './one-line-each.js';
import { type ArtifactAccess, ResultsService } from './results-service.js';

export interface ListedArtifact {
  readonly id: number;
  /** As the file was named when it was sent. */
  readonly name: string;
  readonly sha256: string | undefined;
}

/** Carries one raw file between jobs of a run. It is not trusted: the receiver checks every byte against the digest from the job's outputs. */
export interface ArtifactService {
  /** @returns id, and the SHA-256 in hexadecimal that the service's client computed, if any */
  upload(path: string): Promise<{ readonly id: number; readonly sha256: string | undefined }>;
  /** What this run has, the newest of each name; `sha256` in hexadecimal as the service states it. */
  list(): Promise<readonly ListedArtifact[]>;
  /**
   * Writes the raw bytes of an artifact of this run into `folder`, which may not exist, and never more than `maxBytes`.
   * @returns the file's path
   * @throws {HandoffError} `HANDOFF_TOO_LARGE`, before the download where the service states the size
   */
  download(id: number, folder: string, maxBytes: number): Promise<string>;
}

const BODY_ATTEMPTS = 3;

/**
 * GitHub's artifact service (v4) with the credentials of the job. The client of `@actions/artifact` sends and lists, loaded when it is
 * needed, because it is large; it would write a download of any size, under a name that the service chooses.
 * @param access asked for when something is received
 */
export function githubArtifacts(access: () => ArtifactAccess, http: HttpClient): ArtifactService {
  return {
    async upload(path) {
      const { DefaultArtifactClient } = await import('@actions/artifact');
      const client = new DefaultArtifactClient();
      const uploaded = await transfer('send', () =>
        client.uploadArtifact('', [path], dirname(path), { skipArchive: true }),
      );
      if (uploaded.id === undefined) throw failed('send', new Error('the service gave no id'));
      return { id: uploaded.id, sha256: uploaded.digest };
    },
    async list() {
      const { DefaultArtifactClient } = await import('@actions/artifact');
      const client = new DefaultArtifactClient();
      // The newest of a name: a job that ran again sent its artifact again.
      const { artifacts } = await transfer('list', () => client.listArtifacts({ latest: true }));
      return artifacts.map(({ id, name, digest }) => ({ id, name, sha256: digest?.replace(/^sha256:/, '') }));
    },
    async download(id, folder, maxBytes) {
      const given = access();
      if (!hasArtifactsById(given.serverUrl)) throw unsupported('receive');
      const service = new ResultsService(given, http);
      await mkdir(folder, { recursive: true });
      const path = join(folder, 'artifact');
      await transfer('receive', async () => {
        const artifact = await service.find(id);
        if (artifact === undefined) throw missing();
        if (artifact.size !== undefined && artifact.size > maxBytes) throw tooLarge(artifact.size, maxBytes);
        await saveBody(http, await service.signedUrl(artifact), path, maxBytes);
      });
      return path;
    },
  };
}

/** Whatever size was stated: what is written ends at the limit. */
async function saveBody(http: HttpClient, url: URL, path: string, maxBytes: number): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const { body } = await http.request({ method: 'GET', url, redirect: 'follow' });
    try {
      await pipeline(body, new LimitStream('the hand-over', maxBytes), createWriteStream(path));
      return;
    } catch (error) {
      if (error instanceof DigestError) throw tooLarge(`more than ${maxBytes}`, maxBytes);
      // A connection that breaks within the body is not seen by the client's own retries.
      if (attempt >= BODY_ATTEMPTS) throw error;
    }
  }
}

/** GitHub Enterprise Server has none; github.com, tenants of ghe.com and what stands for them on one machine have. */
function hasArtifactsById(serverUrl: string): boolean {
  return /^(?:github\.com|.*\.ghe\.com|.*\.localhost)$/.test(new URL(serverUrl).hostname);
}

async function transfer<T>(verb: string, run: () => Promise<T>): Promise<T> {
  try {
    return await oneLineEach(run);
  } catch (cause) {
    if (cause instanceof HandoffError) throw cause;
    if (cause instanceof Error && cause.name === 'GHESNotSupportedError') throw unsupported(verb, cause);
    throw failed(verb, cause);
  }
}

function missing(): HandoffError {
  return new HandoffError('HANDOFF_MISSING', 'Cannot receive the hand-over: this run has no artifact with its id', {
    hint: 'Run the whole workflow again; an artifact that was deleted does not come back',
  });
}

function unsupported(verb: string, cause?: unknown): HandoffError {
  return new HandoffError(
    'HANDOFF_SERVER_UNSUPPORTED',
    `Cannot ${verb} the hand-over: this server has no artifacts by id`,
    {
      cause,
      hint: 'GitHub Enterprise Server lacks version 4 of the artifact service; use github.com or a tenant of ghe.com',
    },
  );
}

function failed(verb: string, cause: unknown): HandoffError {
  return new HandoffError('HANDOFF_TRANSFER_FAILED', `Cannot ${verb} the hand-over: the artifact service failed`, {
    cause,
    hint: 'Run the failed jobs again; the service of GitHub may be down',
  });
}
