import { setTimeout as sleep } from 'node:timers/promises';
import { HttpError, type RetryPolicy, retryDelayMs } from '@paved/http';
import { OciError } from './error.js';

export const DEFAULT_RETRY: RetryPolicy = { attempts: 4, baseDelayMs: 250, maxDelayMs: 20_000 };

const TRANSIENT_STATUSES = new Set([408, 429, 500, 502, 503, 504]);

/** With what ends the waiting as well. */
export type EndingRetryPolicy = RetryPolicy & { readonly signal?: AbortSignal | undefined };

/** Repeats a whole operation (not one request) while it fails for a reason that may pass, for example an answer that broke off. */
export async function withRetry<T>(
  policy: EndingRetryPolicy,
  isTransient: (error: unknown) => boolean,
  operation: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await operation();
    } catch (error) {
      if (attempt >= policy.attempts || !isTransient(error)) throw error;
      const delayMs = retryDelayMs(policy, attempt, error instanceof OciError ? error.retryAfter : undefined);
      await sleep(delayMs, undefined, policy.signal === undefined ? {} : { signal: policy.signal }).catch(() => {
        throw error;
      });
    }
  }
}

/** Broken connections and the statuses that ask to come again. */
export function isTransientFailure(error: unknown): boolean {
  if (error instanceof OciError) return error.code === 'REGISTRY_UNAVAILABLE';
  return error instanceof HttpError && (error.code === 'HTTP_UNREACHABLE' || error.code === 'HTTP_TIMEOUT');
}

export function isTransientStatus(status: number): boolean {
  return TRANSIENT_STATUSES.has(status);
}
