import { afterEach, describe, expect, test } from '@jest/globals';
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
const FAULTS: Readonly<Record<string, Fault>> = {
  dropped: { kind: 'drop' },
  'dropped after the work': { kind: 'drop-answer' },
  500: { kind: 'status', status: 500 },
  429: { kind: 'status', status: 429, headers: { 'retry-after': '0' } },
  stalled: { kind: 'stall', ms: 3 },
  truncated: { kind: 'truncate' },
  'lying digest': { kind: 'headers', headers: { 'docker-content-digest': LIE } },
};

const world = new World();

afterEach(() => world.close());

/** A tag stands for signed content: every referrer is there and listed before it is. */
function assertNoUnsignedTag({ store }: RegistryDouble, { layout, referrers }: Release, mode: RegistryOptions): void {
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

function assertRightContent({ store }: RegistryDouble): void {
  const stored = store.repository(NAME);
  for (const [digest, bytes] of stored.blobs) expect(sha256(bytes)).toBe(digest);
  for (const [digest, { bytes }] of stored.manifests) expect(sha256(bytes)).toBe(digest);
}

interface Attempt {
  readonly options: RegistryOptions;
  readonly mode: RegistryMode;
  readonly at: number;
  readonly fault: Fault;
  /** The fault comes back whenever this request is repeated. */
  readonly sticky: boolean;
}

/** One push with one fault, looked at before every request; then the same push again without it. */
async function pushTwice({ options, mode, at, fault, sticky }: Attempt): Promise<'succeeded' | 'failed'> {
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
    const outcome = await release.run().then(
      () => 'succeeded' as const,
      () => 'failed' as const,
    );
    assertRightContent(registry);
    healed = true;
    const again = scratch.release(registry);
    await again.run();
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

async function countRequests(options: RegistryOptions): Promise<number> {
  const registry = await world.registry(options);
  await world.release(registry, { attempts: 2 }).run();
  return registry.requests.length;
}

describe.each(Object.keys(REGISTRY_MODES) as RegistryMode[])('a fault at every request of a push to %s', (mode) => {
  test.each(Object.entries(FAULTS))('%s', async (name, fault) => {
    const total = await countRequests({ mode });
    expect(total).toBeGreaterThan(12);
    const outcomes = { succeeded: 0, failed: 0 };
    for (let at = 0; at < total; at++) {
      outcomes[await pushTwice({ options: { mode }, mode, at, fault, sticky: false })]++;
    }
    // One broken answer heals by itself; a digest that is wrong is never explained away.
    if (name === 'lying digest') expect(outcomes.failed).toBeGreaterThan(4);
    else expect(outcomes).toEqual({ succeeded: total, failed: 0 });
  });
});

describe.each(['plain', 'docker-hub'] as const)('a fault that stays, at every request of a push to %s', (mode) => {
  test.each(Object.entries(FAULTS))('%s', async (_name, fault) => {
    const total = await countRequests({ mode });
    const outcomes = { succeeded: 0, failed: 0 };
    for (let at = 0; at < total; at++) {
      outcomes[await pushTwice({ options: { mode }, mode, at, fault, sticky: true })]++;
    }
    expect(outcomes.failed).toBeGreaterThan(4);
  });
});

test.each(Object.entries(FAULTS))('a fault at every request of a push that has to sign in: %s', async (name, fault) => {
  const options = { auth: 'bearer' } as const;
  const total = await countRequests(options);
  let failed = 0;
  for (let at = 0; at < total; at++) {
    if ((await pushTwice({ options, mode: 'plain', at, fault, sticky: false })) === 'failed') failed++;
  }
  expect(failed > 0).toBe(name === 'lying digest');
});

test('the watch is not blind: a tag that comes before its referrers is seen', async () => {
  const registry = await world.registry();
  const release = world.release(registry);
  await world.release(registry, { referrers: 0 }).run();
  expect(() => assertNoUnsignedTag(registry, release, {})).toThrow('unsigned');
  const wrong = registry.store.repository(NAME);
  wrong.blobs.set(sha256('right'), Buffer.from('wrong'));
  expect(() => assertRightContent(registry)).toThrow();
});
