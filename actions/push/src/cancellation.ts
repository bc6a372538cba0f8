import { PushError } from './error.js';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
/** Shorter than what a runner waits before its second signal; longer than a shell and a program need to pass on one signal twice. */
const GRACE_MS = 5000;

/** A signal that is aborted when the runner cancels the step, and what stops listening. */
export interface Cancellation {
  readonly signal: AbortSignal;
  readonly dispose: () => void;
}

/** The part of `process` that is needed. */
export interface SignalSource {
  readonly pid: number;
  on(name: NodeJS.Signals, listener: (name: NodeJS.Signals) => void): unknown;
  off(name: NodeJS.Signals, listener: (name: NodeJS.Signals) => void): unknown;
  kill(pid: number, name: NodeJS.Signals): unknown;
}

/**
 * Listens for what a runner sends to a step that is cancelled: SIGINT, and 7.5 seconds later SIGTERM. The first one ends every request
 * and cancels upload sessions. The same one again, or another one after five seconds, ends the process as if nobody listened.
 */
export function listenForCancellation(source: SignalSource = process, now: () => number = Date.now): Cancellation {
  const controller = new AbortController();
  let first: { readonly name: NodeJS.Signals; readonly at: number } | undefined;
  const dispose = () => {
    for (const name of SIGNALS) source.off(name, onSignal);
  };
  const onSignal = (name: NodeJS.Signals) => {
    if (first === undefined) {
      first = { name, at: now() };
      controller.abort(cancelled());
    } else if (name === first.name || now() - first.at >= GRACE_MS) {
      dispose();
      source.kill(source.pid, name);
    }
  };
  for (const name of SIGNALS) source.on(name, onSignal);
  return { signal: controller.signal, dispose };
}

export function cancelled(): PushError {
  return new PushError('PUSH_CANCELLED', 'Cannot finish the push: the step was cancelled', {
    hint: 'Run the step again: what has arrived is not sent again',
  });
}
