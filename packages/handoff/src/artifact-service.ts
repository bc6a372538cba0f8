import { mkdir, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { HandoffError } from './error.js';
import { oneLineEach } from './one-line-each.js';

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
  /** Writes the raw bytes of an artifact of this run into `folder`, which may not exist. @returns the file's path */
  download(id: number, folder: string): Promise<string>;
}

/** GitHub's artifact service (v4) with the credentials of the job. The client is loaded when it is needed: it is large. */
export function githubArtifacts(): ArtifactService {
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
    async download(id, folder) {
      const { DefaultArtifactClient } = await import('@actions/artifact');
      await mkdir(folder, { recursive: true });
      const client = new DefaultArtifactClient();
      await transfer('receive', () => client.downloadArtifact(id, { path: folder, skipDecompress: true }));
      // The service names the file; whatever it says, there must be exactly one.
      const names = await readdir(folder);
      if (names.length !== 1) throw failed('receive', new Error(`${names.length} files instead of one`));
      return join(folder, names[0] ?? '');
    },
  };
}

async function transfer<T>(verb: string, run: () => Promise<T>): Promise<T> {
  try {
    return await oneLineEach(run);
  } catch (cause) {
    if (cause instanceof Error && cause.name === 'ArtifactNotFoundError') {
      throw new HandoffError('HANDOFF_MISSING', 'Cannot receive the hand-over: this run has no artifact with its id', {
        hint: 'Run the whole workflow again; an artifact that was deleted does not come back',
      });
    }
    if (cause instanceof Error && cause.name === 'GHESNotSupportedError') {
      throw new HandoffError(
        'HANDOFF_SERVER_UNSUPPORTED',
        `Cannot ${verb} the hand-over: this server has no artifacts by id`,
        {
          cause,
          hint: 'GitHub Enterprise Server lacks version 4 of the artifact service; use github.com or a tenant of ghe.com',
        },
      );
    }
    throw failed(verb, cause);
  }
}

function failed(verb: string, cause: unknown): HandoffError {
  return new HandoffError('HANDOFF_TRANSFER_FAILED', `Cannot ${verb} the hand-over: the artifact service failed`, {
    cause,
    hint: 'Run the failed jobs again; the service of GitHub may be down',
  });
}
