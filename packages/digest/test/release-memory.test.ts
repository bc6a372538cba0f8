import { expect, test } from '@jest/globals';
import { releaseMemory } from '../src/index.js';

test('bytes of their own are gone; bytes that share their memory stay', () => {
  const own = Buffer.alloc(100_000, 1);
  releaseMemory(own);
  expect(own).toHaveLength(0);
  const whole = Buffer.alloc(100_000, 2);
  const part = whole.subarray(10);
  releaseMemory(part);
  expect([whole.length, part[0]]).toEqual([100_000, 2]);
  const pooled = Buffer.from('small');
  releaseMemory(pooled);
  expect(pooled.toString()).toBe('small');
  releaseMemory(Buffer.alloc(0));
});
