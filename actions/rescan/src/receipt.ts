import type { ArtifactState, News } from './artifacts.js';
import type { Plan } from './documents.js';

export const RESCAN_RECEIPT_MEDIA_TYPE = 'application/vnd.paved.rescan-receipt.v1+json';

/** One finding of which the owner was told. Times are RFC 3339. */
export interface Notification {
  readonly id: string;
  readonly identity: string;
  readonly artifact: string;
  /** Versions or digests that have it. */
  readonly releases: readonly string[];
  readonly issue: number;
  readonly kevDateAdded?: string;
  /** When this run read the catalogue that names it. */
  readonly feedSeenAt?: string;
  readonly notifiedAt: string;
  /** From the beginning of `kevDateAdded`, or from the release where that is later, to `notifiedAt`. */
  readonly delayHours?: number;
  readonly late: boolean;
}

export interface Closed {
  readonly artifact: string;
  readonly issue: number;
}

const HOUR_MS = 3_600_000;

/** The catalogue knows days alone, so the clock starts at the beginning of the day: never later than the truth. */
export function notificationOf(
  artifact: string,
  { finding, releases, publishedAt, feedSeenAt }: News,
  { number: issue, notifiedAt }: { readonly number: number; readonly notifiedAt: string },
  maxDelayMs: number,
): Notification {
  const { id, identity, kev } = finding;
  const common = { id, identity, artifact, releases, issue, notifiedAt };
  if (kev === undefined) return { ...common, late: false };
  const from = Math.max(Date.parse(`${kev.dateAdded}T00:00:00Z`), Date.parse(publishedAt));
  const delayMs = Math.max(0, Date.parse(notifiedAt) - from);
  // A time that cannot be read is late: nobody could show that it was not.
  const late = Number.isNaN(delayMs) || delayMs > maxDelayMs;
  return {
    ...common,
    kevDateAdded: kev.dateAdded,
    feedSeenAt,
    ...(Number.isNaN(delayMs) ? {} : { delayHours: Math.round((delayMs / HOUR_MS) * 10) / 10 }),
    late,
  };
}

export interface Outcome {
  readonly notifications: readonly Notification[];
  readonly closed: readonly Closed[];
  readonly withoutIssue: number;
}

export function buildReceipt(plan: Plan, states: readonly ArtifactState[], outcome: Outcome, at: string) {
  const { notifications, closed, withoutIssue } = outcome;
  return {
    mediaType: RESCAN_RECEIPT_MEDIA_TYPE,
    plannedAt: plan.at,
    at,
    artifacts: states.map(({ artifact, records, missing, complete, nextVersion }) => ({
      artifact,
      checked: records.map(({ facts }) => facts),
      notChecked: missing,
      complete,
      ...(nextVersion === undefined ? {} : { nextVersion }),
    })),
    notifications,
    closed,
    withoutIssue,
  };
}
