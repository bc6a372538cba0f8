import type { Conclusion } from '@paved/testkit';
import type { LocalRunnerError } from './error.js';

export interface Annotation {
  readonly level: 'error' | 'warning' | 'notice';
  /** At most 4,096 characters, masked. */
  readonly message: string;
  readonly title?: string;
  readonly file?: string;
  readonly line?: number;
}

/** One use of a child process that the trap saw. */
export interface ChildProcessUse {
  readonly api: string;
  readonly command: string;
}

export interface StepResult {
  readonly name: string;
  /** As written in the workflow; absent for `run:` steps. */
  readonly uses?: string;
  /** Before `continue-on-error`. */
  readonly outcome: Conclusion;
  readonly conclusion: Conclusion;
  readonly startedAt: string;
  readonly durationMs: number;
  /** Masked; commands are shown as the service shows them (`##[error]...`). */
  readonly log: string;
  readonly outputs: Readonly<Record<string, string>>;
  readonly annotations: readonly Annotation[];
  /** Markdown of the step's summary, masked. */
  readonly summary: string;
  readonly childProcesses: readonly ChildProcessUse[];
}

/** As evaluated; with one run at a time nothing waits for it. */
export interface Concurrency {
  readonly group: string;
  readonly cancelInProgress: boolean;
}

export interface JobResult {
  /** Key in its workflow file. */
  readonly id: string;
  /** As the service shows it: `caller / called` for jobs of a called workflow. */
  readonly name: string;
  readonly result: Conclusion;
  readonly startedAt: string;
  readonly durationMs: number;
  readonly steps: readonly StepResult[];
  readonly outputs: Readonly<Record<string, string>>;
  /** The attempt in which it ran; of a job that was kept, an earlier one. */
  readonly attempt: number;
  /** Name of the deployment environment, where it has one. */
  readonly environment?: string;
  readonly concurrency?: Concurrency;
  /** What belongs to no step: dropped outputs, time limits, conditions that could not be evaluated. */
  readonly annotations: readonly Annotation[];
}

export interface RunResult {
  /** Whether no job failed and none was refused. */
  readonly ok: boolean;
  readonly runId?: string;
  readonly jobs: readonly JobResult[];
  /** Outputs of the called workflows, by the key of the calling job. */
  readonly outputs: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Why nothing started. */
  readonly error?: LocalRunnerError;
}
