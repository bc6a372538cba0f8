import { afterEach, describe, expect, test } from '@jest/globals';
import { sha256 } from '@paved/digest';
import { assertNoUnsignedTag, assertRightContent, countRequests, FAULTS, pushTwice } from './fault-drill.js';
import { NAME, World } from './release.js';

const world = new World();

afterEach(() => world.close());

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

describe.each(['plain', 'ghcr', 'docker-hub', 'distribution'] as const)(
  'a fault at every request of content, later evidence and tag on %s',
  (mode) => {
    test.each(Object.entries(FAULTS))('%s', async (name, fault) => {
      const registry = await world.registry({ mode });
      await world.release(registry, { attempts: 2 }).runInSteps();
      const outcomes = { succeeded: 0, failed: 0 };
      for (let at = 0; at < registry.requests.length; at++) {
        outcomes[await pushTwice({ options: { mode }, mode, at, fault, sticky: false, inSteps: true })]++;
      }
      expect(outcomes.failed > 0).toBe(name === 'lying digest');
    });
  },
);

test('the watch is not blind: a tag that comes before its referrers is seen', async () => {
  const registry = await world.registry();
  const release = world.release(registry);
  await world.release(registry, { referrers: 0 }).run();
  expect(() => assertNoUnsignedTag(registry, release, {})).toThrow('unsigned');
  const wrong = registry.store.repository(NAME);
  wrong.blobs.set(sha256('right'), Buffer.from('wrong'));
  expect(() => assertRightContent(registry)).toThrow();
});
