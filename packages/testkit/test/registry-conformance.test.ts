import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type RegistryDouble, startRegistry } from '../src/registry/index.js';
import { DISCOVERY_AND_MANAGEMENT } from './conformance/discovery-and-management.js';
import { PULL } from './conformance/pull.js';
import { PUSH } from './conformance/push.js';
import { type Sections, Wire } from './conformance/wire.js';

const SECTIONS: Sections = { ...PULL, ...PUSH, ...DISCOVERY_AND_MANAGEMENT };

let registry: RegistryDouble | undefined;

beforeEach(() => {
  registry = undefined;
});

afterEach(async () => {
  await registry?.close();
});

describe.each(Object.entries(SECTIONS))('distribution-spec 1.1.1, %s', (_section, checks) => {
  test.each(checks.map(([what, check, behaviour]) => ({ what, check, behaviour })))(
    '$what',
    async ({ check, behaviour }) => {
      registry = await startRegistry(behaviour ?? {});
      await check(new Wire(registry));
    },
  );
});

describe('the table is not blind', () => {
  test.each([
    ['Push: manifests with subject', 0, { acceptMissingSubject: false }],
    ['Push: manifests with subject', 0, { announceSubject: false }],
    ['Push: a blob monolithically', 1, { singlePost: false }],
    ['Content Discovery: referrers', 2, { appliesFilters: false }],
    ['Content Discovery: referrers', 0, { referrers: false }],
    ['Push: a blob in chunks', 0, { maxRangeBytes: 2 }],
    ['Push: manifests', 7, { immutableTags: true }],
  ] as const)('%s, row %i goes red on %j', async (section, row, behaviour) => {
    registry = await startRegistry(behaviour);
    const check = SECTIONS[section]?.[row]?.[1];
    await expect(check?.(new Wire(registry))).rejects.toThrow();
  });
});
