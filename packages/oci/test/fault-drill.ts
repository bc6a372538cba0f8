import { expect } from '@jest/globals';
import { sha256 } from '@paved/digest';
import {
  type Fault,
  type LoggedRequest,
  REGISTRY_MODES,
  type RegistryDouble,
  type RegistryMode,
  type RegistryOptions,
} from '@paved/testkit';
import { fallbackTag, listReferrers } from '../src/index.js';
import { NAME, type Release, TAG, World } from './release.js';

const LIE = `sha256:${'0'.repeat(64)}`;
export const FAULTS: Readonly<Record<string, Fault>> = {
  dropped: { kind: 'drop' },
  'dropped after the work': { kind: 'drop-answer' },
  500: { kind: 'status', status: 500 },
  429: { kind: 'status', status: 429, headers: { 'retry-after': '0' } },
  stalled: { kind: 'stall', ms: 3 },
  truncated: { kind: 'truncate' },
  'lying digest': { kind: 'headers', headers: { 'docker-content-digest': LIE } },
};

/** A tag stands for signed content: every referrer is there and listed before it is. */
export function assertNoUnsignedTag(
  { store }: RegistryDouble,
  { layout, referrers }: Release,
  mode: RegistryOptions,
): void {
  const stored = store.repository(NAME);
  const tagged = stored.tags.get(TAG);
  if (tagged === undefined) return;
  const wanted = referrers.map(({ manifest }) => manifest.digest);
  const index = stored.find(fallbackTag(layout.root.digest));
  const listed =
    mode.referrers === false
      ? (JSON.parse(String(index?.bytes ?? '{"manifests":[]}')) as { manifests: { digest: string }[] }).manifests
      : stored.referrersOf(layout.root.digest);
  const names = new Set(listed.map(({ digest }) => digest));
  const complete = wanted.every((digest) => names.has(digest) && stored.manifests.has(digest));
  if (tagged !== layout.root.digest || !complete) throw new Error('an unsigned tag is visible');
}

export function assertRightContent({ store }: RegistryDouble): void {
  const stored = store.repository(NAME);
  for (const [digest, bytes] of stored.blobs) expect(sha256(bytes)).toBe(digest);
  for (const [digest, { bytes }] of stored.manifests) expect(sha256(bytes)).toBe(digest);
}

export interface Attempt {
  readonly options: RegistryOptions;
  readonly mode: RegistryMode;
  readonly at: number;
  readonly fault: Fault;
  /** The fault comes back whenever this request is repeated. */
  readonly sticky: boolean;
  readonly inSteps?: boolean;
}

/** One push with one fault, looked at before every request; then the same push again without it. */
export async function pushTwice({
  options,
  mode,
  at,
  fault,
  sticky,
  inSteps,
}: Attempt): Promise<'succeeded' | 'failed'> {
  const scratch = new World();
  let broken: Pick<LoggedRequest, 'method' | 'path'> | undefined;
  let healed = false;
  const violations: unknown[] = [];
  const registry = await scratch.registry({
    ...options,
    onRequest: (request) => {
      try {
        assertNoUnsignedTag(registry, release, REGISTRY_MODES[mode]);
      } catch (error) {
        violations.push(error);
      }
      if (request.index === at) broken = request;
      const repeated = request.method === broken?.method && request.path === broken.path;
      return !healed && (request.index === at || (sticky && repeated)) ? fault : undefined;
    },
  });
  const release = scratch.release(registry, { attempts: 2 });
  try {
    const outcome = await (inSteps === true ? release.runInSteps() : release.run()).then(
      () => 'succeeded' as const,
      () => 'failed' as const,
    );
    assertRightContent(registry);
    healed = true;
    const again = scratch.release(registry);
    await (inSteps === true ? again.runInSteps() : again.run());
    expect(violations).toEqual([]);
    assertRightContent(registry);
    expect(registry.store.repository(NAME).tags.get(TAG)).toBe(release.layout.root.digest);
    const listed = await listReferrers(again.repository, release.layout.root.digest);
    expect(listed.map(({ digest }) => digest).sort()).toEqual(
      release.referrers.map(({ manifest }) => manifest.digest).sort(),
    );
    return outcome;
  } finally {
    await scratch.close();
  }
}

/** How many requests a release takes when nothing goes wrong. */
export async function countRequests(options: RegistryOptions): Promise<number> {
  const scratch = new World();
  try {
    const registry = await scratch.registry(options);
    await scratch.release(registry, { attempts: 2 }).run();
    return registry.requests.length;
  } finally {
    await scratch.close();
  }
}
