import { PavedError } from '@paved/errors';
import { OciError } from './error.js';

/**
 * Runs `operation` unless `signal` is aborted, and stops waiting for it when that happens; what it does afterwards is dropped.
 * @throws {OciError} `DEADLINE_EXCEEDED`, or the signal's reason where that is an error of ours
 */
export async function withinDeadline<T>(
  url: URL,
  signal: AbortSignal | undefined,
  operation: () => Promise<T>,
): Promise<T> {
  if (signal === undefined) return await operation();
  if (signal.aborted) throw exceeded(url, signal);
  const running = operation();
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(exceeded(url, signal));
    signal.addEventListener('abort', onAbort, { once: true });
  });
  // It may fail long after nobody waits for it.
  running.catch(() => undefined);
  try {
    return await Promise.race([running, aborted]);
  } finally {
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
  }
}

function exceeded(url: URL, { reason }: AbortSignal): PavedError {
  if (reason instanceof PavedError) return reason;
  return new OciError('DEADLINE_EXCEEDED', `Cannot finish with ${url.host}: the time for this step is over`, {
    hint: 'Run the step again: what has arrived is not sent again. Or give it more time with timeout',
  });
}
