import { PushError } from './error.js';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** A signal that is aborted when the runner cancels the step, and what stops listening. */
export interface Cancellation {
  readonly signal: AbortSignal;
  readonly dispose: () => void;
}

/**
 * Listens for what a runner sends to a step that is cancelled: SIGINT, and 7.5 seconds later SIGTERM. The first one ends every request
 * and cancels upload sessions; a second one ends the process as if nobody listened.
 */
export function listenForCancellation(): Cancellation {
  const controller = new AbortController();
  const dispose = () => {
    for (const name of SIGNALS) process.off(name, cancel);
  };
  const cancel = () => {
    dispose();
    controller.abort(cancelled());
  };
  for (const name of SIGNALS) process.on(name, cancel);
  return { signal: controller.signal, dispose };
}

export function cancelled(): PushError {
  return new PushError('PUSH_CANCELLED', 'Cannot finish the push: the step was cancelled', {
    hint: 'Run the step again: what has arrived is not sent again',
  });
}
