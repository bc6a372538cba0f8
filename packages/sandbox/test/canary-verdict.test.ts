import { describe, expect, test } from '@jest/globals';
import type { IsolationCheck } from '@paved/attestation';
import { assertBlocked, assertControls } from '../src/canary-verdict.js';
import type { Target } from '../src/target.js';

const target: Target = { name: 'tcp', kind: 'tcp', host: '127.0.0.1', port: 1, label: 'a listener', control: true };
const check: IsolationCheck = { name: 'tcp', target: 'a listener', outcome: 'blocked', detail: 'ECONNREFUSED' };

describe('the canary proves something only if', () => {
  test('every control reached its target', () => {
    const reached = { name: 'tcp', reached: true, detail: 'connected' };
    expect(() => assertControls([target], [reached])).not.toThrow();
    expect(() => assertControls([{ ...target, control: false }], [])).not.toThrow();
    for (const results of [[{ ...reached, reached: false }], [{ ...reached, name: 'other' }], []]) {
      expect(() => assertControls([target], results)).toThrow(expect.objectContaining({ code: 'CANARY_INVALID' }));
    }
  });

  test('no attack worked inside', () => {
    expect(() => assertBlocked([check])).not.toThrow();
    expect(() => assertBlocked([check, { ...check, name: 'udp', outcome: 'reachable' }])).toThrow(
      expect.objectContaining({ code: 'CANARY_REACHED', message: expect.stringContaining('udp') }),
    );
  });
});
