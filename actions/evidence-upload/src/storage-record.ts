import { type Digest, parseDigest } from '@paved/digest';
import { EvidenceError } from './error.js';
import type { GitHubAddress } from './github-attestations.js';

/** Where the artifact is kept. */
export interface Storage {
  readonly registry: string;
  readonly repository: string;
  readonly digest: Digest;
}

/** @throws {EvidenceError} `INPUT_INVALID` unless it is registry/repository@digest */
export function parseStorage(image: string): Storage {
  const [, registry, repository, digest] = /^([a-z0-9.-]+(?::[0-9]+)?)\/([a-z0-9._/-]+)@(.+)$/.exec(image) ?? [];
  if (registry !== undefined && repository !== undefined && digest !== undefined) {
    return { registry, repository, digest: parseDigest(digest) };
  }
  throw new EvidenceError(
    'INPUT_INVALID',
    `Cannot record where "${image.slice(0, 120)}" is: it is no image by digest`,
    {
      hint: 'Give registry/repository@sha256:..., as push returns it',
    },
  );
}

/**
 * Records with the owner's artifact metadata where the artifact is kept. The library takes owner and API from the runner's environment,
 * which is this run's; it is loaded here alone, because most runs never need it.
 * @throws {EvidenceError} `GITHUB_STORE_REFUSED`
 */
export async function recordStorage({ registry, repository, digest }: Storage, address: GitHubAddress): Promise<void> {
  const { createStorageRecord } = await import('@actions/attest');
  try {
    const artifact = { name: `${registry}/${repository}`, digest };
    await createStorageRecord(artifact, { registryUrl: `https://${registry}`, repo: repository }, address.token, 2);
  } catch (cause) {
    throw new EvidenceError('GITHUB_STORE_REFUSED', `Cannot record where "${registry}/${repository}" is`, {
      cause,
      hint: 'Grant artifact-metadata: write; only repositories of organizations have artifact metadata',
    });
  }
}
