/** One measurement: a sample is one whole run and returns a number in `unit`. */
export interface BenchCase {
  readonly name: string;
  readonly metric: 'wall' | 'peak-memory' | 'requests' | 'size';
  readonly unit: 'ms' | 'MiB' | 'count' | 'bytes';
  readonly ours: () => Promise<number>;
  readonly peer?: { readonly name: string; readonly sample: () => Promise<number> };
  /** With a peer: the wanted ratio of the medians, at most. Without: the bound in `unit`. */
  readonly goal: number;
}

export interface BenchResult {
  readonly case: string;
  readonly metric: BenchCase['metric'];
  readonly unit: BenchCase['unit'];
  readonly ours: readonly number[];
  readonly peer?: readonly number[];
  readonly peerName?: string;
  readonly goal: number;
}

const WARM_UP_RUNS = 1;

/** Runs both sides in turn, `runs` times each after one warm-up, so that a drift of the machine meets both. */
export async function measure(bench: BenchCase, runs: number): Promise<BenchResult> {
  const ours: number[] = [];
  const peer: number[] = [];
  for (let run = 0; run < WARM_UP_RUNS + runs; run++) {
    const mine = await bench.ours();
    const theirs = await bench.peer?.sample();
    if (run < WARM_UP_RUNS) continue;
    ours.push(mine);
    if (theirs !== undefined) peer.push(theirs);
  }
  const { name, metric, unit, goal } = bench;
  const result = { case: name, metric, unit, ours, goal };
  return bench.peer === undefined ? result : { ...result, peer, peerName: bench.peer.name };
}

export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/** One line for people: medians, ratio or bound, and the goal. */
export function tableRow(result: BenchResult): string {
  const ours = median(result.ours);
  const range = `${format(Math.min(...result.ours))}-${format(Math.max(...result.ours))}`;
  const mine = `${result.case.padEnd(34)} ${result.metric.padEnd(12)} ${format(ours).padStart(9)} ${result.unit.padEnd(5)} (${range})`;
  if (result.peer === undefined) return `${mine}  bound ${format(result.goal)}`;
  const ratio = ours / median(result.peer);
  return `${mine}  ${result.peerName} ${format(median(result.peer))}  ratio ${ratio.toFixed(2)} (goal ${result.goal})`;
}

function format(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}
