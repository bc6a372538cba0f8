import { PavedError } from '@paved/errors';

/** Mistakes of the workflow that uses the action; what is wrong with files or archives is a `HandoffError`. */
export class HandoffInputError extends PavedError<
  'NEED_NOT_SUCCESSFUL' | 'HANDOFF_REFERENCE_INVALID' | 'INPUT_MISSING'
> {}
