import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDigest } from '@paved/digest';
import type { ArtifactService, ListedArtifact } from './artifact-service.js';
import type { HandoverCaps } from './caps.js';
import { HandoffError } from './error.js';
import { type ReceivedHandover, receiveHandover } from './receive.js';

export interface ReceiveAllOptions {
  /** How the names of the artifacts begin. */
  readonly prefix: string;
  /** Must not exist; gets one folder for each artifact, named by its id. */
  readonly targetFolder: string;
  readonly workspace: string;
  readonly caps?: Partial<HandoverCaps>;
}

/** More legs than a matrix can have are somebody's mistake. */
const MAX_ARTIFACTS = 256;
const HEX = /^[0-9a-f]{64}$/;

/**
 * Receives every artifact of this run whose name begins with `prefix`, in the order of their ids, each held to the digest that the
 * service states for it.
 * @throws {HandoffError} as {@link receiveHandover}; `HANDOFF_TOO_LARGE` for more than 256, `HANDOFF_DIGEST_MISMATCH` where the service
 *   states no digest
 */
export async function receiveAll(
  options: ReceiveAllOptions,
  service: ArtifactService,
): Promise<readonly ReceivedHandover[]> {
  const { prefix, targetFolder, workspace, caps = {} } = options;
  const listed = (await service.list()).filter(({ name }) => name.startsWith(prefix)).toSorted((a, b) => a.id - b.id);
  if (listed.length > MAX_ARTIFACTS) {
    throw new HandoffError(
      'HANDOFF_TOO_LARGE',
      `Cannot receive "${prefix}": ${listed.length} artifacts have such a name`,
      { hint: 'Use a prefix that only the legs of this matrix have' },
    );
  }
  await mkdir(targetFolder);
  const received: ReceivedHandover[] = [];
  for (const artifact of listed) {
    const target = join(targetFolder, String(artifact.id));
    const digest = digestOf(artifact);
    received.push(
      await receiveHandover({ artifactId: artifact.id, digest, targetFolder: target, workspace, caps }, service),
    );
  }
  return received;
}

function digestOf({ name, sha256 }: ListedArtifact) {
  if (sha256 !== undefined && HEX.test(sha256)) return parseDigest(`sha256:${sha256}`);
  throw new HandoffError(
    'HANDOFF_DIGEST_MISMATCH',
    `Cannot accept ${JSON.stringify(name)}: the service states no digest`,
    { hint: 'Run the job that sent it again' },
  );
}
