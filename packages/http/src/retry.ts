import { HttpError } from './error.js';

export interface RetryPolicy {
  /** Attempts in all, the first included. */
  readonly attempts: number;
  readonly baseDelayMs: number;
  readonly maxDelayMs: number;
}

const TRANSIENT_STATUSES = new Set([408, 429, 500, 502, 503, 504]);

export function isTransient(error: unknown): boolean {
  if (!(error instanceof HttpError)) return false;
  if (error.code === 'HTTP_STATUS' || error.code === 'HTTP_PROXY_REFUSED') {
    return error.status !== undefined && TRANSIENT_STATUSES.has(error.status);
  }
  return error.code === 'HTTP_UNREACHABLE' || error.code === 'HTTP_TIMEOUT';
}

/** Full jitter over an exponential; a Retry-After (seconds or HTTP date) wins, capped at `maxDelayMs`. */
export function retryDelayMs(
  policy: RetryPolicy,
  attempt: number,
  retryAfter: string | undefined,
  now = Date.now(),
): number {
  if (retryAfter !== undefined) {
    const seconds = Number(retryAfter);
    const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(retryAfter) - now;
    if (Number.isFinite(ms)) return Math.min(Math.max(ms, 0), policy.maxDelayMs);
  }
  return Math.random() * Math.min(policy.baseDelayMs * 2 ** (attempt - 1), policy.maxDelayMs);
}
