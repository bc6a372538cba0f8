import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { StepModel } from '../workflow/model.js';
import type { ResolvedAction } from './action-sources.js';
import { CHECKOUT, checkOut } from './checkout.js';
import type { JobState } from './job-state.js';
import type { Machine } from './machine.js';
import type { RunFacts } from './run-facts.js';
import type { StepRun } from './step-run.js';

export interface StepParts {
  readonly facts: RunFacts;
  readonly step: StepModel;
  readonly state: JobState;
  readonly machine: Machine;
  readonly actions: ReadonlyMap<string, ResolvedAction>;
  readonly run: StepRun;
  readonly trapped: boolean;
}

/** What runs after the job for an action that has a `post`. */
export interface PostAction {
  readonly name: string;
  readonly uses: string;
  readonly script: string;
  readonly condition: string;
  readonly stepId: string;
  readonly stepEnv: Readonly<Record<string, string>>;
  readonly variables: Readonly<Record<string, string>>;
  /** What main saved. */
  readonly state: Readonly<Record<string, string>>;
}

export interface Executed {
  /** Outputs of the emulated checkout. */
  readonly builtin: Readonly<Record<string, string>>;
  readonly post: Omit<PostAction, 'name' | 'state'> | undefined;
}

/** Runs a step's main part; failures of its process are in `run`, everything else is thrown. */
export async function executeStep(parts: StepParts): Promise<Executed> {
  const { step, state } = parts;
  const stepEnv = state.evaluator({}, step.id).strings(step.env);
  if (step.kind.$case === 'run') {
    await runScript(parts, stepEnv);
    return { builtin: {}, post: undefined };
  }
  const given = state.evaluator(stepEnv, step.id).strings(step.kind.with);
  if (CHECKOUT.test(step.kind.uses)) {
    return { builtin: await checkOut(parts.facts, parts.machine.workspace, given, parts.run.log), post: undefined };
  }
  return await runAction(parts, stepEnv, given);
}

export async function runPostAction(post: PostAction, state: JobState, run: StepRun, trapped: boolean): Promise<void> {
  const saved = Object.entries(post.state).map(([name, value]) => [`STATE_${name}`, value]);
  const env = { ...state.environment(post.stepEnv, post.stepId), ...post.variables, ...Object.fromEntries(saved) };
  await run.runNode(post.script, env, trapped);
}

/** As the service shows it: the step's name, else what it runs. */
export function stepName(step: StepModel, state: JobState): string {
  if (step.name !== undefined) return state.masker.mask(state.evaluator({}, step.id).string(step.name));
  return step.kind.$case === 'uses' ? `Run ${step.kind.uses}` : `Run ${step.kind.script.toString().split('\n')[0]}`;
}

async function runScript({ step, state, machine, run }: StepParts, stepEnv: Record<string, string>): Promise<void> {
  if (step.kind.$case !== 'run') return;
  const evaluator = state.evaluator(stepEnv, step.id);
  const { script, shell, workingDirectory } = step.kind;
  const path = join(machine.temp, `${randomUUID()}.sh`);
  await writeFile(path, evaluator.string(script));
  const folder = workingDirectory === undefined ? '.' : evaluator.string(workingDirectory);
  await run.runShell(path, shell, resolve(machine.workspace, folder), state.environment(stepEnv, step.id));
}

async function runAction(
  { step, state, actions, run, trapped }: StepParts,
  stepEnv: Readonly<Record<string, string>>,
  given: Readonly<Record<string, string>>,
): Promise<Executed> {
  const uses = step.kind.$case === 'uses' ? step.kind.uses : '';
  const action = actions.get(uses);
  if (action === undefined || action.runs.$case !== 'node')
    throw new Error(`Cannot run '${uses}': it was not resolved`);
  const variables = {
    ...state.actionVariables(),
    ...inputVariables(action, given, state, run),
    GITHUB_ACTION_REPOSITORY: action.repository,
    GITHUB_ACTION_REF: action.ref,
  };
  const { main, post: postScript, postIf: condition } = action.runs;
  await run.runNode(main, { ...state.environment(stepEnv, step.id), ...variables }, trapped);
  const post =
    postScript === undefined ? undefined : { uses, script: postScript, condition, stepId: step.id, stepEnv, variables };
  return { builtin: {}, post };
}

/** Declared inputs with their defaults, then what the step gives; an undeclared one is passed on with a warning, as the service does. */
function inputVariables(
  action: ResolvedAction,
  given: Readonly<Record<string, string>>,
  state: JobState,
  run: StepRun,
): Record<string, string> {
  const values = Object.entries(actionInputs(action, given, state, run));
  return Object.fromEntries(values.map(([name, value]) => [variableName(name), value]));
}

export function actionInputs(
  action: ResolvedAction,
  given: Readonly<Record<string, string>>,
  state: JobState,
  run: StepRun,
): Record<string, string> {
  const values = new Map<string, string>();
  const declared = new Map<string, string>();
  for (const [name, token] of action.inputs) {
    values.set(name, token === undefined ? '' : state.evaluator().string(token));
    declared.set(variableName(name), name);
  }
  for (const [name, value] of Object.entries(given)) {
    const known = declared.get(variableName(name));
    if (known === undefined) run.log.annotate('warning', `Unexpected input(s) '${name}'`);
    values.set(known ?? name, value);
  }
  return Object.fromEntries(values);
}

function variableName(input: string): string {
  return `INPUT_${input.replaceAll(' ', '_').toUpperCase()}`;
}
