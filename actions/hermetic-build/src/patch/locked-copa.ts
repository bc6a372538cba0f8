import { parseDigest } from '@paved/digest';
import type { ToolLock } from '@paved/runner-kit/fetch-tool';

/**
 * copa of tools.lock.json, part of the bundle, so that whoever pins this action pins the bytes that patch. No entry for linux/arm64:
 * one source alone gives a digest. A test holds it to the lock of the repository.
 */
export const LOCKED_COPA: ToolLock = {
  tools: [
    {
      tool: 'copa',
      version: '0.14.2',
      platform: 'linux/amd64',
      path: 'project-copacetic/copacetic/releases/download/v0.14.2/copa_0.14.2_linux_amd64.tar.gz',
      sha256: parseDigest('sha256:756c6e0f287dc7839c0a72e91b4d4712b1d8cd86a7233c068c0208a28bcb9ede'),
      executable: 'copa',
      agreement: 2,
    },
  ],
};

/** Where copa comes from. */
export interface CopaSource {
  readonly lock: ToolLock;
  /** Server of the release (default https://github.com/). */
  readonly baseUrl?: URL;
}

export const RELEASED_COPA: CopaSource = { lock: LOCKED_COPA };
