import type { Conclusion } from '@paved/testkit';
import type { Functions } from './expression/evaluate.js';
import { TokenEvaluator } from './expression/evaluate-token.js';
import type { Json } from './expression/json-data.js';
import { githubFacts, type RunFacts } from './job/run-facts.js';
import { type JobRequest, runJob } from './job/run-job.js';
import { type Leg, legName, legsOf } from './matrix.js';
import type { RunWorkflowOptions } from './options.js';
import type { JobResult, RunResult } from './result.js';
import type { InputSpec } from './workflow/model.js';
import type { Plan, PlannedCall, PlannedSteps } from './workflow/plan.js';

interface Finished {
  readonly result: Conclusion;
  readonly outputs: Readonly<Record<string, string>>;
}

type Inputs = Readonly<Record<string, Json>>;

/** Runs the jobs of a plan one after the other in the order of their needs, called workflows in place. */
export class Scheduler {
  readonly #facts: RunFacts;
  readonly #options: RunWorkflowOptions;
  readonly #jobs: JobResult[] = [];

  constructor(facts: RunFacts, options: RunWorkflowOptions) {
    this.#facts = facts;
    this.#options = options;
  }

  async run(plan: Plan, inputs: Inputs): Promise<RunResult> {
    const finished = await this.#runPlan(plan, inputs, '');
    const calls = plan.jobs.filter((planned): planned is PlannedCall => 'plan' in planned);
    const outputs = Object.fromEntries(calls.map(({ job }) => [job.id, finished.get(job.id)?.outputs ?? {}]));
    const ok = [...finished.values()].every(({ result }) => result === 'success' || result === 'skipped');
    return { ok, runId: String(this.#facts.run.id), jobs: this.#jobs, outputs };
  }

  async #runPlan(plan: Plan, inputs: Inputs, prefix: string): Promise<ReadonlyMap<string, Finished>> {
    const finished = new Map<string, Finished>();
    const waiting = [...plan.jobs];
    while (waiting.length > 0) {
      // The parser has refused cycles, so one of them is always ready.
      const index = waiting.findIndex(({ job }) => job.needs.every((need) => finished.has(need)));
      const [planned] = waiting.splice(index, 1);
      if (planned === undefined) break;
      finished.set(planned.job.id, await this.#runOne(planned, plan, inputs, prefix, finished));
    }
    return finished;
  }

  async #runOne(
    planned: PlannedSteps | PlannedCall,
    plan: Plan,
    inputs: Inputs,
    prefix: string,
    finished: ReadonlyMap<string, Finished>,
  ): Promise<Finished> {
    const { job } = planned;
    const needs = Object.fromEntries(job.needs.map((need) => [need, finished.get(need) as unknown as Json]));
    const contexts = { github: githubContext(this.#facts), needs, inputs, vars: {} };
    const functions = statusFunctions(ancestors(plan, job.id).map((id) => finished.get(id)?.result ?? 'skipped'));
    const evaluator = new TokenEvaluator(this.#facts.parsers, contexts, functions);
    const nameIn = (own: TokenEvaluator) => `${prefix}${job.name === undefined ? job.id : own.string(job.name)}`;
    const name = nameIn(evaluator);
    let legs: readonly Leg[] | undefined;
    try {
      const kept = this.#facts.kept.get(name);
      if (kept !== undefined) return this.#keep(kept);
      if (!evaluator.condition(job.condition)) return this.#skip(planned, name);
      if ('plan' in planned) return await this.#call(planned, evaluator, name);
      legs = legsOf(planned.job, evaluator);
    } catch (error) {
      return this.#refuse(job.id, name, error);
    }
    const request = { planned, workflow: plan.workflow };
    if (legs === undefined) return await this.#steps({ ...request, given: { needs, inputs }, name });
    const requests = legs.map((leg) => {
      const own = new TokenEvaluator(this.#facts.parsers, { ...contexts, ...leg });
      return { ...request, given: { needs, inputs, ...leg }, name: legName(planned.job, nameIn(own), leg) };
    });
    return await this.#legs(requests);
  }

  async #steps(request: Omit<JobRequest, 'facts' | 'onEvent'>): Promise<Finished> {
    const onEvent = this.#options.onEvent ?? (() => undefined);
    const result = await runJob({ ...request, facts: this.#facts, onEvent });
    this.#jobs.push(result);
    await this.#options.between?.(result.id, { job: result, services: this.#facts.services });
    return result;
  }

  /** One leg after the other; of an output that several legs set, what was set last stays. */
  async #legs(
    requests: readonly (Omit<JobRequest, 'facts' | 'onEvent'> & { readonly given: Leg })[],
  ): Promise<Finished> {
    const finished: Finished[] = [];
    for (const request of requests) {
      const kept = this.#facts.kept.get(request.name);
      const stops = request.given.strategy['fail-fast'] !== false && combined(finished) === 'failure';
      if (kept !== undefined) finished.push(this.#keep(kept));
      else finished.push(stops ? this.#cancel(request.planned, request.name) : await this.#steps(request));
    }
    const outputs = finished.flatMap((leg) => Object.entries(leg.outputs).filter(([, value]) => value !== ''));
    return { result: combined(finished), outputs: Object.fromEntries(outputs) };
  }

  async #call({ job, plan }: PlannedCall, evaluator: TokenEvaluator, name: string): Promise<Finished> {
    const given = job.with === undefined ? {} : evaluator.mapping(job.with, (token) => evaluator.value(token));
    const inputs: Record<string, Json> = {};
    for (const [input, spec] of plan.workflow.callInputs) {
      const value = given[input] ?? (spec.default === undefined ? undefined : evaluator.value(spec.default));
      inputs[input] = coerceInput(input, spec, value);
    }
    const finished = await this.#runPlan(plan, inputs, `${name} / `);
    const jobs = Object.fromEntries(finished) as unknown as Json;
    const contexts = { github: githubContext(this.#facts), inputs, jobs, vars: {} };
    const outer = new TokenEvaluator(this.#facts.parsers, contexts);
    const outputs = [...plan.workflow.callOutputs].map(([key, token]) => [key, outer.string(token)] as const);
    return { result: combined([...finished.values()]), outputs: Object.fromEntries(outputs) };
  }

  #keep(job: JobResult): Finished {
    this.#record(job);
    return job;
  }

  #skip(planned: PlannedSteps | PlannedCall, name: string): Finished {
    const skipped = { result: 'skipped', outputs: {} } as const;
    this.#record({ ...this.#withoutSteps(planned.job.id, name), ...skipped });
    return skipped;
  }

  #cancel(planned: PlannedSteps, name: string): Finished {
    const cancelled = { result: 'cancelled', outputs: {} } as const;
    this.#record({ ...this.#withoutSteps(planned.job.id, name), ...cancelled });
    return cancelled;
  }

  #refuse(id: string, name: string, error: unknown): Finished {
    const message = error instanceof Error ? error.message : 'its condition or inputs cannot be evaluated';
    const failed = { result: 'failure', outputs: {} } as const;
    this.#record({ ...this.#withoutSteps(id, name), ...failed, annotations: [{ level: 'error', message }] });
    return failed;
  }

  #withoutSteps(id: string, name: string): Omit<JobResult, 'result' | 'outputs'> {
    const { attempt } = this.#facts.run;
    return { id, name, attempt, startedAt: new Date().toISOString(), durationMs: 0, steps: [], annotations: [] };
  }

  #record(job: JobResult): void {
    this.#jobs.push(job);
    this.#options.onEvent?.({ $case: 'job-finished', job });
  }
}

function githubContext(facts: RunFacts): Json {
  return { ...githubFacts(facts), ref_protected: facts.caller.refProtected, event: facts.event };
}

/** `success()` looks at all ancestors, not only at the direct ones: a skipped grandparent skips the job too. */
function statusFunctions(results: readonly Conclusion[]): Functions {
  return {
    success: () => results.every((result) => result === 'success'),
    failure: () => results.includes('failure'),
    cancelled: () => results.includes('cancelled'),
    always: () => true,
  };
}

function ancestors(plan: Plan, id: string): readonly string[] {
  const found = new Set<string>();
  const visit = (current: string): void => {
    for (const need of plan.jobs.find(({ job }) => job.id === current)?.job.needs ?? []) {
      if (!found.has(need)) {
        found.add(need);
        visit(need);
      }
    }
  };
  visit(id);
  return [...found];
}

function combined(jobs: readonly Finished[]): Conclusion {
  const results = jobs.map(({ result }) => result);
  if (results.includes('failure')) return 'failure';
  if (results.includes('cancelled')) return 'cancelled';
  return results.includes('success') ? 'success' : 'skipped';
}

/** Inputs of a called workflow have types, and a value of another type stops the call; text takes every scalar. */
function coerceInput(name: string, spec: InputSpec, value: Json | undefined): Json {
  if (value === undefined || value === null) return { boolean: false, number: 0 }[spec.type] ?? '';
  if (spec.type === 'string') return String(value);
  if (typeof value === spec.type) return value;
  throw new Error(`Cannot call the workflow with input "${name}": its value is ${typeof value}, expected ${spec.type}`);
}
