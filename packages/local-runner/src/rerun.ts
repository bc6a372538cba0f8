import type { Rerun } from './options.js';
import type { JobResult } from './result.js';
import type { Plan } from './workflow/plan.js';

/**
 * The jobs that an attempt keeps, by full name; of a matrix each leg by its own, as it was called in the attempt before. Another job
 * whose name holds an expression is not found, and runs again.
 */
export function keptJobs(plan: Plan, rerun: Rerun): ReadonlyMap<string, JobResult> {
  const kept = new Map<string, JobResult>();
  visit(plan, '', true, rerun, kept);
  return kept;
}

function visit(
  plan: Plan,
  prefix: string,
  mayKeep: boolean,
  { previous, jobs = [] }: Rerun,
  kept: Map<string, JobResult>,
): boolean {
  const keeps = new Map<string, boolean>();
  const waiting = [...plan.jobs];
  while (waiting.length > 0) {
    const index = waiting.findIndex(({ job }) => job.needs.every((need) => keeps.has(need)));
    const [planned] = waiting.splice(index, 1);
    if (planned === undefined) break;
    const { job } = planned;
    const name = `${prefix}${job.name?.toString() ?? job.id}`;
    const free = mayKeep && job.needs.every((need) => keeps.get(need) === true) && !jobs.includes(job.id);
    if ('plan' in planned) {
      keeps.set(job.id, visit(planned.plan, `${name} / `, free, { previous, jobs }, kept));
    } else if (planned.job.strategy !== undefined) {
      const legs = previous.jobs.filter((found) => found.id === job.id && found.name.startsWith(prefix));
      const whole = legs.filter((leg) => free && leg.result === 'success' && !jobs.includes(leg.name));
      for (const leg of whole) kept.set(leg.name, leg);
      keeps.set(job.id, legs.length > 0 && whole.length === legs.length);
    } else {
      const result = previous.jobs.find((found) => found.name === name && found.result === 'success');
      if (free && result !== undefined) kept.set(name, result);
      keeps.set(job.id, kept.has(name));
    }
  }
  return [...keeps.values()].every(Boolean);
}
