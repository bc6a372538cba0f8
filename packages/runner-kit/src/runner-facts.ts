import { type Environment, readVariable } from './environment.js';
import { RunnerError } from './error.js';

const VARIABLES = {
  repository: 'GITHUB_REPOSITORY',
  repositoryId: 'GITHUB_REPOSITORY_ID',
  owner: 'GITHUB_REPOSITORY_OWNER',
  ownerId: 'GITHUB_REPOSITORY_OWNER_ID',
  sha: 'GITHUB_SHA',
  ref: 'GITHUB_REF',
  refName: 'GITHUB_REF_NAME',
  refType: 'GITHUB_REF_TYPE',
  headRef: 'GITHUB_HEAD_REF',
  baseRef: 'GITHUB_BASE_REF',
  runId: 'GITHUB_RUN_ID',
  runNumber: 'GITHUB_RUN_NUMBER',
  runAttempt: 'GITHUB_RUN_ATTEMPT',
  eventName: 'GITHUB_EVENT_NAME',
  eventPath: 'GITHUB_EVENT_PATH',
  actor: 'GITHUB_ACTOR',
  actorId: 'GITHUB_ACTOR_ID',
  triggeringActor: 'GITHUB_TRIGGERING_ACTOR',
  serverUrl: 'GITHUB_SERVER_URL',
  apiUrl: 'GITHUB_API_URL',
  job: 'GITHUB_JOB',
  workflow: 'GITHUB_WORKFLOW',
  workflowRef: 'GITHUB_WORKFLOW_REF',
  workflowSha: 'GITHUB_WORKFLOW_SHA',
  actionRepository: 'GITHUB_ACTION_REPOSITORY',
  actionRef: 'GITHUB_ACTION_REF',
  /** There only for a job that may ask for an identity token; the address alone opens nothing. */
  idTokenRequestUrl: 'ACTIONS_ID_TOKEN_REQUEST_URL',
  workspace: 'GITHUB_WORKSPACE',
  temp: 'RUNNER_TEMP',
  runnerEnvironment: 'RUNNER_ENVIRONMENT',
  runnerName: 'RUNNER_NAME',
  runnerOs: 'RUNNER_OS',
  runnerArch: 'RUNNER_ARCH',
} as const;

export type FactName = keyof typeof VARIABLES;

/** Variable that carries a fact, for tests and for messages. */
export function factVariable(name: FactName): string {
  return VARIABLES[name];
}

/**
 * Facts of the run as the runner states them in the environment: asserted by this machine, so a job that must not be fooled
 * compares them with its OIDC claims. Reading an absent one throws `RUNNER_FACT_MISSING`; `optional` gives `undefined` instead.
 */
export type RunnerFacts = Readonly<Record<FactName, string>> & {
  readonly refProtected: boolean;
  optional(name: FactName): string | undefined;
};

export function runnerFacts(environment: Environment): RunnerFacts {
  const optional = (name: FactName) => readVariable(environment, VARIABLES[name]);
  const facts = { optional } as Record<string, unknown>;
  for (const name of Object.keys(VARIABLES) as FactName[]) {
    Object.defineProperty(facts, name, { enumerable: true, get: () => optional(name) ?? missing(name) });
  }
  Object.defineProperty(facts, 'refProtected', {
    enumerable: true,
    get: () => readVariable(environment, 'GITHUB_REF_PROTECTED') === 'true',
  });
  return facts as RunnerFacts;
}

function missing(name: FactName): never {
  throw new RunnerError('RUNNER_FACT_MISSING', `Cannot read ${VARIABLES[name]}: the runner did not set it`, {
    hint: 'Run the action in a GitHub Actions job, or set the variable when you run it by hand',
  });
}
