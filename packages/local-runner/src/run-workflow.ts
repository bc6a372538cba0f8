import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalRunnerError } from './error.js';
import type { Json } from './expression/json-data.js';
import type { RunFacts } from './job/run-facts.js';
import type { RunWorkflowOptions } from './options.js';
import { keptJobs } from './rerun.js';
import type { JobResult, RunResult } from './result.js';
import { Scheduler } from './scheduler.js';
import { loadParsers } from './workflow/load-parser.js';
import type { WorkflowModel } from './workflow/model.js';
import { type Plan, Planner } from './workflow/plan.js';

const MIN_NODE_MAJOR = 24;

/**
 * Executes a workflow file of the caller's repository, with the reusable workflows that it calls, against loopback services.
 * What the service refuses before anything starts (unknown or missing inputs, excess permissions, an invalid file, another event)
 * comes back as `error` with no jobs; what goes wrong later is the result of a job.
 */
export async function runWorkflow(options: RunWorkflowOptions): Promise<RunResult> {
  const root = await makeRoot(options.workFolder);
  try {
    assertNode();
    const parsers = await loadParsers();
    const caller = options.callerRepository;
    const plan = await new Planner(parsers, options.repositories ?? {}).plan(caller, options.workflowPath);
    const eventName = typeof caller.event === 'string' ? caller.event : caller.event.name;
    const inputs = dispatchInputs(plan.workflow, eventName, options.inputs ?? {});
    const facts = startRun(options, plan, parsers, eventName, root);
    return await new Scheduler(facts, options).run(plan, inputs);
  } catch (error) {
    if (!(error instanceof LocalRunnerError)) throw error;
    return { ok: false, jobs: [], outputs: {}, error };
  } finally {
    if (options.workFolder === undefined) await rm(root, { recursive: true, force: true });
  }
}

async function makeRoot(workFolder: string | undefined): Promise<string> {
  if (workFolder !== undefined) await mkdir(workFolder, { recursive: true });
  return await mkdtemp(join(workFolder ?? tmpdir(), 'paved-run-'));
}

function assertNode(): void {
  const major = Number(process.versions.node.split('.')[0]);
  if (major >= MIN_NODE_MAJOR) return;
  throw new LocalRunnerError('NODE_TOO_OLD', `Cannot run actions on Node ${process.versions.node}`, {
    hint: `Start the runner with Node ${MIN_NODE_MAJOR}; actions run on the same one`,
  });
}

function startRun(
  options: RunWorkflowOptions,
  plan: Plan,
  parsers: RunFacts['parsers'],
  eventName: string,
  root: string,
): RunFacts {
  const { callerRepository: caller, services } = options;
  const repository = `${caller.owner}/${caller.name}`;
  const payload = typeof caller.event === 'string' ? {} : (caller.event.payload ?? {});
  const branch = caller.ref.replace(/^refs\/heads\//, '');
  services.addRepository({
    owner: caller.owner,
    name: caller.name,
    id: caller.id,
    ownerId: caller.ownerId,
    path: caller.path,
    defaultBranch: caller.defaultBranch ?? 'main',
    protectedBranches: caller.protectedBranches ?? (caller.refProtected ? [branch] : []),
    visibility: caller.visibility ?? 'public',
    verifiedCommits: caller.verifiedCommits ?? [],
  });
  const { rerun } = options;
  const kept = rerun === undefined ? new Map<string, JobResult>() : keptJobs(plan, rerun);
  const run =
    rerun === undefined
      ? services.createRun({
          repository,
          sha: caller.sha,
          ref: caller.ref,
          event: eventName,
          workflowPath: options.workflowPath,
          name: plan.workflow.name,
          actor: caller.actor?.login ?? 'octocat',
        })
      : services.rerun(Number(rerun.previous.runId), [...kept.keys()]);
  const event = options.inputs === undefined ? payload : { ...payload, inputs: options.inputs };
  const env = options.env ?? {};
  const trapProcesses = options.trapProcesses ?? false;
  const repositories = options.repositories ?? {};
  return {
    parsers,
    services,
    caller,
    repositories,
    eventName,
    event,
    run,
    kept,
    approve: options.approve ?? (() => true),
    workflow: plan.workflow,
    withoutWorkflowFacts: options.withoutWorkflowFacts ?? false,
    serverUrl: options.serverUrl ?? 'https://github.com',
    env,
    trapProcesses,
    root,
  };
}

function dispatchInputs(
  workflow: WorkflowModel,
  eventName: string,
  given: Readonly<Record<string, string | number | boolean>>,
): Readonly<Record<string, Json>> {
  if (!workflow.events.includes(eventName)) {
    throw new LocalRunnerError(
      'EVENT_NOT_CONFIGURED',
      `Cannot run "${workflow.source.path}": "${eventName}" is not among its events`,
    );
  }
  const declared = eventName === 'workflow_dispatch' ? workflow.dispatchInputs : new Map();
  for (const name of Object.keys(given)) {
    if (!declared.has(name)) throw refused(workflow, name, 'it is not declared');
  }
  const entries = [...declared].map(([name, spec]) => {
    if (given[name] === undefined && spec.required && spec.default === undefined) {
      throw refused(workflow, name, 'it is required');
    }
    return [name, given[name] ?? spec.default?.toString() ?? (spec.type === 'boolean' ? false : '')] as const;
  });
  return Object.fromEntries(entries);
}

function refused(workflow: WorkflowModel, name: string, state: string): LocalRunnerError {
  return new LocalRunnerError('INPUT_REFUSED', `Cannot run "${workflow.source.path}" with input "${name}": ${state}`);
}
