import { HandoffError } from './error.js';

/** In which attempt of which run something was handed over, and when: the word of the job that sent it, as its id and digest are. */
export interface HandoverOrigin {
  readonly runId: string;
  readonly attempt: number;
  readonly at: Date;
}

const ORIGIN = /^([1-9][0-9]{0,17})\/([1-9][0-9]{0,3})\/(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{3})?Z)$/;
/** Clocks of two machines differ by less. */
const CLOCK_SKEW_MS = 5 * 60_000;
const HOUR_MS = 3_600_000;

/** `<run id>/<attempt>/<UTC time>`, for an output of the job. */
export function formatOrigin({ runId, attempt, at }: HandoverOrigin): string {
  return `${runId}/${attempt}/${at.toISOString()}`;
}

/** @throws {HandoffError} `HANDOFF_ORIGIN_INVALID` */
export function parseOrigin(text: string): HandoverOrigin {
  const [, runId, attempt, time] = ORIGIN.exec(text) ?? [];
  const at = new Date(time ?? '');
  if (runId !== undefined && !Number.isNaN(at.getTime())) return { runId, attempt: Number(attempt), at };
  throw new HandoffError(
    'HANDOFF_ORIGIN_INVALID',
    `Cannot tell how old the hand-over is: its origin is ${JSON.stringify(text.slice(0, 100))}`,
    { hint: 'Pass `made` from the outputs of the job that sent it; an output that is empty was never set' },
  );
}

export interface FreshnessLimits {
  readonly runId: string;
  readonly attempt: number;
  readonly now: Date;
  readonly maxAgeMs: number;
}

/**
 * A job that is not run again keeps its outputs, and a job can wait for weeks until somebody approves it: both would decide over
 * what was known then. So the age counts, in whatever attempt it was made.
 * @throws {HandoffError} `HANDOFF_OTHER_RUN`, `HANDOFF_STALE`, `HANDOFF_ORIGIN_INVALID` for a time that is still to come
 */
export function assertFresh(origin: HandoverOrigin, limits: FreshnessLimits): void {
  if (origin.runId !== limits.runId || origin.attempt > limits.attempt) {
    throw new HandoffError(
      'HANDOFF_OTHER_RUN',
      `Cannot accept the hand-over: attempt ${origin.attempt} of run ${origin.runId} made it, this is attempt ${limits.attempt} of run ${limits.runId}`,
      { hint: 'Take hand-overs from the jobs of the same run' },
    );
  }
  const ageMs = limits.now.getTime() - origin.at.getTime();
  if (ageMs < -CLOCK_SKEW_MS) {
    throw new HandoffError(
      'HANDOFF_ORIGIN_INVALID',
      `Cannot accept the hand-over: it was made at ${origin.at.toISOString()}, which is still to come`,
      { hint: 'Set the clocks of the runners' },
    );
  }
  if (ageMs <= limits.maxAgeMs) return;
  const made = `attempt ${origin.attempt} made it ${hours(ageMs)} ago, the limit is ${hours(limits.maxAgeMs)}`;
  throw new HandoffError('HANDOFF_STALE', `Cannot accept the hand-over: ${made}`, {
    hint: 'Re-run all jobs: "Re-run failed jobs" keeps what the others found then',
  });
}

function hours(ms: number): string {
  return `${Math.round((ms / HOUR_MS) * 10) / 10} h`;
}
