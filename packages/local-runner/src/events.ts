import type { JobResult, StepResult } from './result.js';

/** Progress of a run, in order. */
export type RunEvent =
  | { readonly $case: 'job-started'; readonly job: string; readonly steps: number }
  | { readonly $case: 'step-started'; readonly job: string; readonly step: string }
  | { readonly $case: 'step-finished'; readonly job: string; readonly step: StepResult }
  | { readonly $case: 'job-finished'; readonly job: JobResult };
