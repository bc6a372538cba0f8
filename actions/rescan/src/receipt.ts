import type { ReportedFinding } from '@paved/gate/results';

export const RESCAN_RECEIPT_MEDIA_TYPE = 'application/vnd.paved.rescan-receipt.v1+json';

/** One finding of which the owner was told. Times are RFC 3339. */
export interface Notification {
  readonly id: string;
  readonly identity: string;
  readonly issue: number;
  readonly kevDateAdded?: string;
  /** When this run read the catalogue that names it. */
  readonly feedSeenAt?: string;
  readonly notifiedAt: string;
  /** From the beginning of `kevDateAdded`, or from the release where that is later, to `notifiedAt`. */
  readonly delayHours?: number;
  readonly late: boolean;
}

const HOUR_MS = 3_600_000;

export interface Told {
  readonly issue: number;
  readonly notifiedAt: string;
  readonly publishedAt: string;
  readonly feedSeenAt: string;
  readonly maxDelayMs: number;
}

/** The catalogue knows days alone, so the clock starts at the beginning of the day: never later than the truth. */
export function notificationOf({ id, identity, kev }: ReportedFinding, told: Told): Notification {
  const { issue, notifiedAt, publishedAt, feedSeenAt, maxDelayMs } = told;
  const common = { id, identity, issue, notifiedAt };
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
