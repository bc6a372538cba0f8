import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JobResult, RunResult } from '@paved/local-runner';
import { chooseIsolation } from '../demo/isolation.js';
import { createProject } from '../demo/project.js';
import { release } from '../demo/release.js';
import { openWorld, type World } from '../demo/world.js';
import type { BenchCase } from './bench.js';

const OWNER = { owner: 'acme', ownerId: '70' } as const;
const INPUTS = { name: 'tool', version: '1.0.0', command: 'npm run build', 'output-path': 'dist' };
/** Steps whose time is the user's: the build, with the copy and the installation that it needs. */
const USER_STEPS: readonly string[] = ['Build without network'];
const MAX_OVERHEAD_MS = 10_000;
const MAX_SEQUENTIAL_JOBS = 3;

/** The road on one machine, without the user's build: jobs run one after the other, as `needs` makes them do on the service. */
export async function cases(): Promise<readonly BenchCase[]> {
  const { isolation } = await chooseIsolation();
  const world = await openWorld({ folder: mkdtempSync(join(tmpdir(), 'bench-road-')), isolation });
  let last: RunResult | undefined;
  let count = 0;
  const overhead = async (): Promise<number> => {
    last = await run(world, `road-${++count}`);
    return (
      sum(last.jobs, ({ durationMs }) => durationMs) -
      sum(
        last.jobs.flatMap(({ steps }) => steps),
        userTime,
      )
    );
  };
  return [
    { name: 'the road without the build', metric: 'wall', unit: 'ms', ours: overhead, goal: MAX_OVERHEAD_MS },
    {
      name: 'jobs in sequence',
      metric: 'requests',
      unit: 'count',
      ours: async () => last?.jobs.length ?? Number.NaN,
      goal: MAX_SEQUENTIAL_JOBS,
    },
    ...['build', 'inspect', 'seal'].map(
      (id): BenchCase => ({
        name: `  of it ${id}`,
        metric: 'wall',
        unit: 'ms',
        ours: async () => timeOf(last?.jobs.find((job) => job.id === id)),
        goal: MAX_OVERHEAD_MS,
      }),
    ),
  ];
}

async function run(world: World, name: string): Promise<RunResult> {
  const options = { ...OWNER, name, id: `8${name.slice(5)}`, source: 'examples/node-package', inputs: INPUTS };
  const caller = createProject(join(world.folder, name), options);
  const result = await release(world, { caller });
  if (result.ok) return result;
  const failed = result.jobs.flatMap(({ steps }) => steps).find(({ outcome }) => outcome === 'failure');
  throw new Error(`Cannot measure the road: ${result.error?.message ?? `${failed?.name}\n${failed?.log.slice(-800)}`}`);
}

function timeOf(job: JobResult | undefined): number {
  return job === undefined ? Number.NaN : job.durationMs - sum(job.steps, userTime);
}

function userTime({ name, durationMs }: { readonly name: string; readonly durationMs: number }): number {
  return USER_STEPS.includes(name) ? durationMs : 0;
}

function sum<T>(items: readonly T[], read: (item: T) => number): number {
  return items.reduce((total, item) => total + read(item), 0);
}
