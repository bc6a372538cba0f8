import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Conclusion, JobCredentials } from '@paved/testkit';
import type { RunEvent } from '../events.js';
import { evaluate } from '../expression/evaluate.js';
import { TokenEvaluator } from '../expression/evaluate-token.js';
import type { Json } from '../expression/json-data.js';
import { Masker } from '../process/masker.js';
import { killOrphans } from '../process/orphans.js';
import type { Annotation, JobResult, StepResult } from '../result.js';
import type { CompositeRuns } from '../workflow/action-file.js';
import type { StepModel, WorkflowModel } from '../workflow/model.js';
import type { PlannedSteps } from '../workflow/plan.js';
import { type ResolvedAction, resolveActions } from './action-sources.js';
import { type JobInputs, JobState } from './job-state.js';
import { createMachine, type Machine } from './machine.js';
import { githubFacts, jobClaims, type RunFacts } from './run-facts.js';
import { actionInputs, executeStep, type PostAction, runPostAction, stepName } from './step-kinds.js';
import { StepRun } from './step-run.js';

const DEFAULT_TIMEOUT_MINUTES = 360;
const MINUTE_MS = 60_000;

export interface JobRequest {
  readonly facts: RunFacts;
  readonly planned: PlannedSteps;
  readonly workflow: WorkflowModel;
  readonly given: JobInputs;
  /** Full name, `caller / called`. */
  readonly name: string;
  readonly onEvent: (event: RunEvent) => void;
}

interface CompositeParts {
  readonly step: StepModel;
  readonly state: JobState;
  readonly machine: Machine;
  readonly action: ResolvedAction;
  readonly runs: CompositeRuns;
  readonly run: StepRun;
}

/** Runs one job on a machine of its own and always comes back with a result. */
export async function runJob(request: JobRequest): Promise<JobResult> {
  const job = new JobRun(request);
  return await job.run();
}

class JobRun {
  readonly #request: JobRequest;
  readonly #masker = new Masker();
  readonly #steps: StepResult[] = [];
  readonly #annotations: Annotation[] = [];
  readonly #posts: PostAction[] = [];
  readonly #startedAt = new Date();
  readonly #start: Pick<JobResult, 'environment' | 'concurrency'>;
  #deadline = 0;

  constructor(request: JobRequest) {
    this.#request = request;
    this.#start = this.#startConditions();
  }

  async run(): Promise<JobResult> {
    const { facts, planned, name, onEvent } = this.#request;
    const { environment } = this.#start;
    if (environment !== undefined && !(await facts.approve({ environment, job: name }))) {
      this.#annotate('error', `The deployment to '${environment}' was rejected.`);
      return this.#finish('failure', {});
    }
    onEvent({ $case: 'job-started', job: name, steps: planned.job.steps.length });
    const root = join(facts.root, name.replaceAll(/[^\w-]+/g, '-'));
    const credentials = this.#register();
    for (const secret of [credentials.githubToken, credentials.runtimeToken]) this.#masker.add(secret);
    const machine = await createMachine(root, facts.caller.name);
    const state = this.#createState(machine, credentials);
    let outputs: Readonly<Record<string, string>> = {};
    try {
      await this.#prepare(state);
      const actions = await this.#setUp(state, machine);
      if (actions !== undefined) {
        for (const step of planned.job.steps) await this.#step(step, state, machine, actions);
        while (this.#posts.length > 0) await this.#post(this.#posts.pop(), state, machine);
      }
      outputs = this.#outputs(state);
    } catch (error) {
      state.status = 'failure';
      this.#annotate('error', error instanceof Error ? error.message : 'the job failed');
    } finally {
      await killOrphans(machine.trackingId);
      facts.services.finishJob(credentials.jobId, state.status);
      await rm(machine.actions, { recursive: true, force: true });
    }
    return this.#finish(state.status, outputs);
  }

  #register(): JobCredentials {
    const { facts, planned, workflow, name } = this.#request;
    const { runsOn } = planned.job;
    const labels = runsOn === undefined ? [] : [this.#evaluator().value(runsOn)].flat().map(String);
    const hosted = !labels.includes('self-hosted');
    return facts.services.startJob({
      runId: facts.run.id,
      name,
      labels,
      permissions: planned.permissions,
      claims: jobClaims(facts, workflow, this.#start.environment, hosted),
      ...(hosted ? {} : { runnerGroup: 'Default' }),
    });
  }

  /** What is evaluated before a machine is there. */
  #evaluator(): TokenEvaluator {
    const { facts, given } = this.#request;
    return new TokenEvaluator(facts.parsers, { github: githubFacts(facts), ...given, vars: {} });
  }

  /** An empty environment is none. */
  #startConditions(): Pick<JobResult, 'environment' | 'concurrency'> {
    const { environment, concurrency } = this.#request.planned.job;
    const place = environment === undefined ? '' : textOrMember(this.#evaluator().value(environment), 'name');
    const queue = concurrency === undefined ? undefined : this.#evaluator().value(concurrency);
    const cancelInProgress = memberOf(queue, 'cancel-in-progress') === true;
    return {
      ...(place === '' ? {} : { environment: place }),
      ...(queue === undefined ? {} : { concurrency: { group: textOrMember(queue, 'group'), cancelInProgress } }),
    };
  }

  #createState(machine: Machine, credentials: JobCredentials): JobState {
    const { facts, planned, workflow, given } = this.#request;
    const hosted = !String(planned.job.runsOn ?? '').includes('self-hosted');
    const masker = this.#masker;
    return new JobState({ facts, workflow, jobId: planned.job.id, machine, credentials, given, masker, hosted });
  }

  async #prepare(state: JobState): Promise<void> {
    const { facts, planned, workflow } = this.#request;
    await mkdir(dirname(state.eventPath), { recursive: true });
    await writeFile(state.eventPath, JSON.stringify(facts.event));
    for (const env of [workflow.env, planned.job.env]) Object.assign(state.env, state.evaluator().strings(env));
    const { timeoutMinutes } = planned.job;
    const minutes = timeoutMinutes === undefined ? DEFAULT_TIMEOUT_MINUTES : state.evaluator().value(timeoutMinutes);
    this.#deadline = this.#startedAt.getTime() + Number(minutes) * MINUTE_MS;
  }

  /** @returns undefined when an action could not be resolved; then no step runs */
  async #setUp(state: JobState, machine: Machine): Promise<ReadonlyMap<string, ResolvedAction> | undefined> {
    const { facts, planned, workflow } = this.#request;
    try {
      return await resolveActions(
        facts.parsers,
        facts.repositories,
        workflow.source,
        planned.job.steps,
        machine.actions,
      );
    } catch (error) {
      state.status = 'failure';
      this.#annotate('error', error instanceof Error ? error.message : 'an action could not be resolved');
      return undefined;
    }
  }

  async #step(
    step: StepModel,
    state: JobState,
    machine: Machine,
    actions: ReadonlyMap<string, ResolvedAction>,
  ): Promise<void> {
    const started = new Date();
    const run = await StepRun.create(state, machine, this.#stepDeadline(step, state));
    const name = stepName(step, state);
    const uses = step.kind.$case === 'uses' ? step.kind.uses : undefined;
    let skipped = false;
    this.#request.onEvent({ $case: 'step-started', job: this.#request.name, step: name });
    let outputs: Record<string, string> = {};
    let summary = '';
    try {
      skipped = !state.evaluator({}, step.id).condition(step.condition);
      if (!skipped) {
        const composite = uses === undefined ? undefined : actions.get(uses);
        if (composite?.runs.$case === 'composite') {
          outputs = await this.#composite({ step, state, machine, action: composite, runs: composite.runs, run });
        } else {
          const parts = { facts: this.#request.facts, step, state, machine, actions, run, trapped: this.#trapped };
          const { builtin, post } = await executeStep(parts);
          const collected = await run.collect();
          outputs = { ...builtin, ...collected.outputs };
          summary = collected.summary;
          if (post !== undefined) this.#posts.push({ ...post, name, state: collected.state });
        }
      }
    } catch (error) {
      run.fail(error instanceof Error ? error.message : 'the step failed');
    }
    const outcome: Conclusion = skipped ? 'skipped' : run.failed ? 'failure' : 'success';
    const tolerated = outcome === 'failure' && this.#continues(step, state);
    const conclusion = tolerated ? 'success' : outcome;
    if (conclusion === 'failure' && state.status === 'success') state.status = 'failure';
    this.#checkDeadline(state);
    state.finishStep(step.id, { outcome, conclusion, outputs });
    this.#record(
      { name, ...(uses === undefined ? {} : { uses }), outcome, conclusion, outputs, summary },
      started,
      run,
    );
  }

  /** The steps of a composite action are steps of the job, with their own results; the first failure fails the whole. */
  async #composite(parts: CompositeParts): Promise<Record<string, string>> {
    const { step, state, machine, action, runs, run } = parts;
    if (step.kind.$case !== 'uses') return {};
    if (step.env !== undefined) throw new Error(`Cannot run '${step.kind.uses}' with 'env': it is not executed here`);
    const given = state.evaluator({}, step.id).strings(step.kind.with);
    const inner = state.inComposite({ inputs: actionInputs(action, given, state, run), action });
    for (const nested of runs.steps) await this.#step(nested, inner, machine, action.actions);
    if (state.status !== 'success') run.fail('a step of the action failed');
    const evaluator = inner.evaluator();
    return Object.fromEntries([...runs.outputs].map(([name, token]) => [name, evaluator.string(token)]));
  }

  async #post(post: PostAction | undefined, state: JobState, machine: Machine): Promise<void> {
    if (post === undefined || evaluate(post.condition, state.contexts(), state.functions()) !== true) return;
    const started = new Date();
    // A job that ran out of time still cleans up, for at most five more minutes.
    const run = await StepRun.create(state, machine, Math.max(this.#deadline, Date.now() + 5 * MINUTE_MS));
    const name = `Post ${post.name}`;
    this.#request.onEvent({ $case: 'step-started', job: this.#request.name, step: name });
    await runPostAction(post, state, run, this.#trapped);
    const { summary } = await run.collect();
    const outcome: Conclusion = run.failed ? 'failure' : 'success';
    if (run.failed && state.status === 'success') state.status = 'failure';
    this.#record({ name, uses: post.uses, outcome, conclusion: outcome, outputs: {}, summary }, started, run);
  }

  get #trapped(): boolean {
    return this.#request.facts.trapProcesses && this.#request.planned.permissions['id-token'] === 'write';
  }

  #stepDeadline(step: StepModel, state: JobState): number {
    if (step.timeoutMinutes === undefined) return this.#deadline;
    const minutes = Number(state.evaluator({}, step.id).value(step.timeoutMinutes));
    return Math.min(this.#deadline, Date.now() + minutes * MINUTE_MS);
  }

  #checkDeadline(state: JobState): void {
    if (Date.now() < this.#deadline || state.status === 'cancelled') return;
    state.status = 'cancelled';
    this.#annotate('error', 'The job has exceeded its maximum execution time.');
  }

  #continues(step: StepModel, state: JobState): boolean {
    return step.continueOnError !== undefined && state.evaluator({}, step.id).value(step.continueOnError) === true;
  }

  #record(
    step: Omit<StepResult, 'startedAt' | 'durationMs' | 'log' | 'annotations' | 'childProcesses'>,
    started: Date,
    run: StepRun,
  ): void {
    const ended = new Date();
    const result: StepResult = {
      ...step,
      startedAt: started.toISOString(),
      durationMs: ended.getTime() - started.getTime(),
      log: run.log.text(),
      annotations: run.log.annotations,
      childProcesses: run.childProcesses,
    };
    this.#steps.push(result);
    this.#request.onEvent({ $case: 'step-finished', job: this.#request.name, step: result });
  }

  /** An output that contains a secret is dropped with a warning, and the consumer sees an empty string. */
  #outputs(state: JobState): Readonly<Record<string, string>> {
    const all = state.evaluator().strings(this.#request.planned.job.outputs);
    return Object.fromEntries(
      Object.entries(all).filter(([name, value]) => {
        if (!this.#masker.contains(value)) return true;
        this.#annotate('warning', `Skip output '${name}' since it may contain secret.`);
        return false;
      }),
    );
  }

  #annotate(level: Annotation['level'], message: string): void {
    this.#annotations.push({ level, message: this.#masker.mask(message) });
  }

  #finish(result: JobResult['result'], outputs: Readonly<Record<string, string>>): JobResult {
    const { facts, name, planned, onEvent } = this.#request;
    const job: JobResult = {
      id: planned.job.id,
      name,
      result,
      attempt: facts.run.attempt,
      ...this.#start,
      startedAt: this.#startedAt.toISOString(),
      durationMs: Date.now() - this.#startedAt.getTime(),
      steps: this.#steps,
      outputs,
      annotations: this.#annotations,
    };
    onEvent({ $case: 'job-finished', job });
    return job;
  }
}

function memberOf(value: Json | undefined, name: string): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as { readonly [key: string]: Json })[name]
    : undefined;
}

/** `environment: production` and `environment: { name: production }` are the same; so for groups of concurrency. */
function textOrMember(value: Json, name: string): string {
  return String(typeof value === 'object' ? (memberOf(value, name) ?? '') : value);
}
