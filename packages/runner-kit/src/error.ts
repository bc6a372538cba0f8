import { PavedError, type PavedErrorOptions } from '@paved/errors';

export type RunnerErrorCode =
  | 'INPUT_MISSING'
  | 'INPUT_INVALID'
  | 'INPUT_PATH_OUTSIDE'
  | 'INPUT_PATH_UNMATCHED'
  | 'INPUT_DOCUMENT_UNREADABLE'
  | 'ID_TOKEN_UNAVAILABLE'
  | 'ARTIFACTS_UNAVAILABLE'
  | 'OUTPUT_UNKNOWN'
  | 'OUTPUT_INVALID'
  | 'OUTPUT_SECRET'
  | 'EVENT_INVALID'
  | 'RUNNER_FACT_MISSING'
  | 'GITHUB_HOST_REFUSED'
  | 'AUTHOR_MISMATCH'
  | 'EXEC_COMMAND_INVALID'
  | 'EXEC_FAILED'
  | 'SOURCE_INVALID'
  | 'DATABASE_TOO_LARGE'
  | 'TOOL_LOCK_INVALID'
  | 'TOOL_UNKNOWN'
  | 'TOOL_UNCONFIRMED'
  | 'TOOL_DIGEST_MISMATCH'
  | 'TOOL_ARCHIVE_INVALID';

/** What the runner or the caller's `with:` got wrong; the hint names the line of the workflow to change. */
export class RunnerError extends PavedError<RunnerErrorCode> {}

export interface RefusalOptions extends PavedErrorOptions {
  /** Declared outputs that are written although the action fails, such as the path of the verdict that says no. */
  readonly outputs: Readonly<Record<string, string>>;
}

/**
 * A completed run whose answer is no (a gate that refuses, an artifact that does not verify): exit status 1 with one annotation
 * like any error, and the only error that may carry outputs.
 */
export class RefusalError<Code extends string = string> extends PavedError<Code> {
  readonly outputs: Readonly<Record<string, string>>;

  constructor(code: Code, message: string, options: RefusalOptions) {
    super(code, message, options);
    this.outputs = options.outputs;
  }
}
