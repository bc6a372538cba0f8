export { LocalRunnerError, type LocalRunnerErrorCode } from './error.js';
export type { RunEvent } from './events.js';
export type { BetweenFacts, CallerRepository, Repositories, RunWorkflowOptions } from './options.js';
export type { Annotation, ChildProcessUse, JobResult, RunResult, StepResult } from './result.js';
export { runWorkflow } from './run-workflow.js';
