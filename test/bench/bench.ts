/** A program that does the same. */
export interface Peer {
  readonly name: string;
  readonly sample: () => Promise<number>;
}

/** One measurement: a sample is one whole run and returns a number in `unit`. */
export interface BenchCase {
  readonly name: string;
  readonly metric: 'wall' | 'peak-memory' | 'requests' | 'size';
  readonly unit: 'ms' | 'MiB' | 'count' | 'bytes';
  readonly ours: () => Promise<number>;
  readonly peer?: Peer;
  /** Instead of `peer`, several: the best median of theirs counts. */
  readonly peers?: readonly Peer[];
  /** What is granted on top of the wanted ratio, in `unit`: a cost that the peers cannot have. */
  readonly plus?: Peer;
  /** `true`: one run without a warm-up, for what takes long and is a bound. */
  readonly once?: boolean;
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
  readonly peers?: readonly PeerSamples[];
  readonly plus?: PeerSamples;
  readonly goal: number;
}

export interface PeerSamples {
  readonly name: string;
  readonly samples: readonly number[];
}

const WARM_UP_RUNS = 1;

/** Runs both sides in turn, `runs` times each after one warm-up, so that a drift of the machine meets both. */
export async function measure(bench: BenchCase, runs: number): Promise<BenchResult> {
  if (bench.peers !== undefined) return await measureAmong(bench, bench.peers, runs);
  if (bench.once === true) return resultOf(bench, [await bench.ours()]);
  const ours: number[] = [];
  const peer: number[] = [];
  for (let run = 0; run < WARM_UP_RUNS + runs; run++) {
    const mine = await bench.ours();
    const theirs = await bench.peer?.sample();
    if (run < WARM_UP_RUNS) continue;
    ours.push(mine);
    if (theirs !== undefined) peer.push(theirs);
  }
  const result = resultOf(bench, ours);
  return bench.peer === undefined ? result : { ...result, peer, peerName: bench.peer.name };
}

/** All sides in turn, ours first; the peers' best median is what ours is held to. */
async function measureAmong(bench: BenchCase, peers: readonly Peer[], runs: number): Promise<BenchResult> {
  const granted = bench.plus === undefined ? [] : [bench.plus];
  const sides = [{ name: 'ours', sample: bench.ours }, ...peers, ...granted];
  const all = sides.map(({ name }) => ({ name, samples: [] as number[] }));
  for (let run = 0; run < WARM_UP_RUNS + runs; run++) {
    for (const [position, side] of sides.entries()) {
      const value = await side.sample();
      if (run >= WARM_UP_RUNS) all[position]?.samples.push(value);
    }
  }
  const [ours, ...others] = all;
  const plus = bench.plus === undefined ? undefined : others.at(-1);
  const measured = others.slice(0, peers.length);
  const best = measured.toSorted((a, b) => median(a.samples) - median(b.samples))[0];
  return {
    ...resultOf(bench, ours?.samples ?? []),
    peers: measured,
    ...(best === undefined ? {} : { peer: best.samples, peerName: best.name }),
    ...(plus === undefined ? {} : { plus }),
  };
}

function resultOf({ name, metric, unit, goal }: BenchCase, ours: readonly number[]): BenchResult {
  return { case: name, metric, unit, ours, goal };
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
  if (result.peer === undefined) {
    return `${mine}  bound ${format(result.goal)}${result.ours.length === 1 ? ` (${ours <= result.goal ? 'met' : 'missed'})` : ''}`;
  }
  const ratio = ours / median(result.peer);
  const row = `${mine}  ${result.peerName} ${format(median(result.peer))}  ratio ${ratio.toFixed(2)} (goal ${result.goal}`;
  if (result.peers === undefined) return `${row})`;
  const others = result.peers.map(({ name, samples }) => `${name} ${format(median(samples))}`).join(', ');
  const plus = result.plus === undefined ? 0 : median(result.plus.samples);
  const limit = median(result.peer) * result.goal + plus;
  const granted = result.plus === undefined ? '' : ` plus ${result.plus.name} ${format(plus)}`;
  return `${row}${granted}: at most ${format(limit)}, ${ours <= limit ? 'met' : 'missed'})  all: ${others}`;
}

function format(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}
