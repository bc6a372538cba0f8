import { describe, expect, test } from '@jest/globals';
import { measure, median, tableRow } from './bench.js';

describe('a benchmark', () => {
  test('runs both sides in turn and leaves the warm-up out', async () => {
    const order: string[] = [];
    let count = 0;
    const sample = (side: string) => async () => {
      order.push(side);
      return ++count;
    };
    const result = await measure(
      { name: 'x', metric: 'wall', unit: 'ms', ours: sample('a'), peer: { name: 'p', sample: sample('b') }, goal: 2 },
      3,
    );
    expect(order.join('')).toBe('abababab');
    expect(result).toEqual({
      case: 'x',
      metric: 'wall',
      unit: 'ms',
      ours: [3, 5, 7],
      peer: [4, 6, 8],
      peerName: 'p',
      goal: 2,
    });
    expect(tableRow(result)).toContain('ratio 0.83 (goal 2)');
  });

  test('the median of odd and even counts', () => {
    expect([median([3, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5]);
  });
});
