import { PavedError } from '@paved/errors';

export type LocalRunnerErrorCode =
  | 'WORKFLOW_INVALID'
  | 'WORKFLOW_NOT_FOUND'
  | 'WORKFLOW_UNSUPPORTED'
  | 'EVENT_NOT_CONFIGURED'
  | 'INPUT_REFUSED'
  | 'PERMISSIONS_EXCEEDED'
  | 'COMMIT_MISSING'
  | 'NODE_TOO_OLD';

/** Why a run was refused before anything started; what goes wrong inside a job is that job's result, never an exception. */
export class LocalRunnerError extends PavedError<LocalRunnerErrorCode> {}
