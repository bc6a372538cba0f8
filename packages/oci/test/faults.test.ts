import { describe, expect, test } from '@jest/globals';
import { REGISTRY_MODES, type RegistryMode } from '@paved/testkit';
import { countRequests, FAULTS, pushTwice } from './fault-drill.js';

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
