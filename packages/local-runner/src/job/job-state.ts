import type { Conclusion, JobCredentials } from '@paved/testkit';
import type { Contexts, Functions } from '../expression/evaluate.js';
import { TokenEvaluator } from '../expression/evaluate-token.js';
import type { Json } from '../expression/json-data.js';
import { hostPath } from '../process/host-path.js';
import type { Masker } from '../process/masker.js';
import type { WorkflowModel } from '../workflow/model.js';
import type { Machine } from './machine.js';
import { githubFacts, type RunFacts, workflowRef } from './run-facts.js';

export interface JobInputs {
  readonly needs: Readonly<Record<string, Json>>;
  readonly inputs: Readonly<Record<string, Json>>;
  /** Of one leg of a matrix. */
  readonly matrix?: Readonly<Record<string, Json>>;
  readonly strategy?: Readonly<Record<string, Json>>;
}

interface StepState {
  readonly outcome: Conclusion;
  readonly conclusion: Conclusion;
  readonly outputs: Readonly<Record<string, string>>;
}

type JobStatus = 'success' | 'failure' | 'cancelled';

export interface CompositeScope {
  readonly inputs: Readonly<Record<string, string>>;
  readonly action: { readonly folder: string; readonly repository: string; readonly ref: string };
}

interface JobStateParts {
  readonly facts: RunFacts;
  readonly workflow: WorkflowModel;
  readonly jobId: string;
  readonly machine: Machine;
  readonly credentials: JobCredentials;
  readonly given: JobInputs;
  readonly masker: Masker;
  readonly hosted: boolean;
}

/** What changes while a job runs, and the contexts and environments that follow from it. */
export class JobState {
  readonly masker: Masker;
  /** Workflow and job `env`, then what steps wrote to GITHUB_ENV. */
  readonly env: Record<string, string>;
  readonly #paths: string[];
  readonly #status: { value: JobStatus };
  readonly #parts: JobStateParts;
  readonly #composite: CompositeScope | undefined;
  readonly #steps: Record<string, StepState> = {};
  readonly #facts: RunFacts;
  readonly #workflow: WorkflowModel;
  readonly #jobId: string;
  readonly #machine: Machine;
  readonly #credentials: JobCredentials;
  readonly #given: JobInputs;
  readonly #hosted: boolean;

  constructor(parts: JobStateParts, shared?: JobState, composite?: CompositeScope) {
    this.#parts = parts;
    this.#composite = composite;
    this.env = shared?.env ?? {};
    this.#paths = shared === undefined ? [] : shared.#paths;
    this.#status = shared === undefined ? { value: 'success' } : shared.#status;
    this.#facts = parts.facts;
    this.#workflow = parts.workflow;
    this.#jobId = parts.jobId;
    this.#machine = parts.machine;
    this.#credentials = parts.credentials;
    this.#given = parts.given;
    this.#hosted = parts.hosted;
    this.masker = parts.masker;
  }

  get status(): JobStatus {
    return this.#status.value;
  }

  set status(value: JobStatus) {
    this.#status.value = value;
  }

  /** The same job, seen by the steps of a composite action: own inputs and steps, and no secrets or needs. */
  inComposite(scope: CompositeScope): JobState {
    const given = { ...this.#given, needs: {}, inputs: scope.inputs };
    return new JobState({ ...this.#parts, given }, this, scope);
  }

  finishStep(id: string, step: StepState): void {
    if (id !== '') this.#steps[id] = step;
  }

  prependPath(path: string): void {
    this.#paths.unshift(path);
  }

  contexts(stepEnv: Readonly<Record<string, string>> = {}, stepId = ''): Contexts {
    const token = this.#credentials.githubToken;
    const { source } = this.#workflow;
    return {
      github: {
        ...githubFacts(this.#facts),
        ref_protected: this.#facts.caller.refProtected,
        event: this.#facts.event,
        job: this.#jobId,
        token,
        action: stepId,
        workspace: this.#machine.workspace,
        event_path: this.eventPath,
        ...(this.#composite === undefined
          ? {}
          : {
              action_path: this.#composite.action.folder,
              action_repository: this.#composite.action.repository,
              action_ref: this.#composite.action.ref,
            }),
      },
      needs: this.#given.needs,
      inputs: this.#given.inputs,
      matrix: this.#given.matrix ?? null,
      strategy: this.#given.strategy ?? null,
      steps: this.#steps as unknown as Json,
      env: { ...this.env, ...stepEnv },
      secrets: this.#composite === undefined ? { GITHUB_TOKEN: token, github_token: token } : {},
      vars: {},
      runner: {
        name: this.#runnerName,
        os: 'Linux',
        arch: runnerArch(),
        temp: this.#machine.temp,
        tool_cache: this.#machine.toolCache,
        environment: this.#runnerEnvironment,
      },
      job: {
        status: this.status,
        check_run_id: this.#credentials.jobId,
        ...(this.#facts.withoutWorkflowFacts
          ? {}
          : {
              workflow_ref: workflowRef(this.#workflow),
              workflow_sha: source.sha,
              workflow_repository: source.repository,
              workflow_file_path: source.path,
            }),
      },
    };
  }

  evaluator(stepEnv: Readonly<Record<string, string>> = {}, stepId = ''): TokenEvaluator {
    return new TokenEvaluator(this.#facts.parsers, this.contexts(stepEnv, stepId), this.functions());
  }

  functions(): Functions {
    return {
      success: () => this.status === 'success',
      failure: () => this.status === 'failure',
      cancelled: () => this.status === 'cancelled',
      always: () => true,
      hashfiles: () => {
        throw new Error('hashFiles is not executed here');
      },
    };
  }

  get eventPath(): string {
    return `${this.#machine.temp}/_github_workflow/event.json`;
  }

  /**
   * The whole environment of a step, made from nothing. What the service sets wins over what the workflow or an earlier step asked for.
   * The identity endpoint is there only when the job was granted `id-token: write`; GITHUB_TOKEN is never a variable.
   */
  environment(stepEnv: Readonly<Record<string, string>>, stepId: string): Record<string, string> {
    const idToken = this.#credentials.idToken;
    return {
      HOME: this.#machine.home,
      LANG: 'C.UTF-8',
      CI: 'true',
      ...this.#facts.env,
      ...this.env,
      ...stepEnv,
      PATH: [...this.#paths, stepEnv.PATH ?? this.env.PATH ?? hostPath()].join(':'),
      ...this.#serviceVariables(stepId),
      ...(idToken === undefined
        ? {}
        : { ACTIONS_ID_TOKEN_REQUEST_URL: idToken.url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: idToken.token }),
    };
  }

  /** Variables that only actions get, not `run:` steps. */
  actionVariables(): Record<string, string> {
    return {
      ACTIONS_RUNTIME_URL: this.#credentials.resultsUrl,
      ACTIONS_RUNTIME_TOKEN: this.#credentials.runtimeToken,
      ACTIONS_RESULTS_URL: this.#credentials.resultsUrl,
    };
  }

  #serviceVariables(stepId: string): Record<string, string> {
    const github = Object.entries(githubFacts(this.#facts)).map(([key, value]) => [
      `GITHUB_${key.toUpperCase()}`,
      value,
    ]);
    return {
      ...Object.fromEntries(github),
      GITHUB_ACTIONS: 'true',
      GITHUB_ACTION: stepId,
      GITHUB_EVENT_PATH: this.eventPath,
      GITHUB_JOB: this.#jobId,
      GITHUB_WORKSPACE: this.#machine.workspace,
      RUNNER_ARCH: runnerArch(),
      RUNNER_ENVIRONMENT: this.#runnerEnvironment,
      RUNNER_NAME: this.#runnerName,
      RUNNER_OS: 'Linux',
      RUNNER_TEMP: this.#machine.temp,
      RUNNER_TOOL_CACHE: this.#machine.toolCache,
      RUNNER_TRACKING_ID: this.#machine.trackingId,
      RUNNER_WORKSPACE: this.#machine.workspace.replace(/\/[^/]+$/, ''),
    };
  }

  get #runnerEnvironment(): string {
    return this.#hosted ? 'github-hosted' : 'self-hosted';
  }

  get #runnerName(): string {
    return this.#hosted ? `GitHub Actions ${this.#credentials.jobId - 52_000_000_000}` : 'own-runner';
  }
}

function runnerArch(): string {
  return process.arch === 'arm64' ? 'ARM64' : 'X64';
}
