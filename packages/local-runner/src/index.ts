export { LocalRunnerError, type LocalRunnerErrorCode } from './error.js';
export type { RunEvent } from './events.js';
export type { BetweenFacts, CallerRepository, Deployment, Repositories, Rerun, RunWorkflowOptions } from './options.js';
export type { Annotation, ChildProcessUse, Concurrency, JobResult, RunResult, StepResult } from './result.js';
export { runWorkflow } from './run-workflow.js';
