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

  test('holds ours to the best of several peers, with what is granted on top', async () => {
    const sample = (value: number) => async () => value;
    const peers = [
      { name: 'slow', sample: sample(300) },
      { name: 'fast', sample: sample(100) },
    ];
    const plus = { name: 'an empty start', sample: sample(20) };
    const bench = { name: 'x', metric: 'wall', unit: 'ms', peers, plus, goal: 1.05 } as const;
    const met = await measure({ ...bench, ours: sample(125) }, 3);
    expect(met).toMatchObject({ peerName: 'fast', peer: [100, 100, 100], plus: { samples: [20, 20, 20] } });
    expect(met.peers?.map(({ name }) => name)).toEqual(['slow', 'fast']);
    expect(tableRow(met)).toContain('at most 125, met');
    expect(tableRow(await measure({ ...bench, ours: sample(126) }, 3))).toContain('at most 125, missed');
  });

  test('runs a bound once when it says so', async () => {
    let count = 0;
    const ours = async () => ++count;
    const result = await measure({ name: 'x', metric: 'peak-memory', unit: 'MiB', ours, goal: 1, once: true }, 5);
    expect([result.ours, count]).toEqual([[1], 1]);
    expect(tableRow(result)).toContain('met');
  });

  test('the median of odd and even counts', () => {
    expect([median([3, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5]);
  });
});
