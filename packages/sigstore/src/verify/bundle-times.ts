import type { Bundle } from '@sigstore/bundle';
import type { Timestamp } from './timestamp.js';
import { readTimestamps } from './verify-timestamps.js';

/** When a bundle was signed, by what it carries; nothing of it is verified yet. */
export interface BundleTimes {
  readonly timestamps: readonly Timestamp[];
  /** Of the timestamps, and of the logs' promises: an entry without a promise is signed by nobody as to its time. */
  readonly times: readonly Date[];
}

/** @throws {SigstoreError} `TIMESTAMP_INVALID` for an answer that cannot be read */
export function readTimes({ verificationMaterial: { tlogEntries, timestampVerificationData } }: Bundle): BundleTimes {
  const stamps = timestampVerificationData?.rfc3161Timestamps ?? [];
  const timestamps = readTimestamps(stamps.map(({ signedTimestamp }) => signedTimestamp));
  const promised = tlogEntries.flatMap(({ inclusionPromise, integratedTime }) => {
    const seconds = Number(integratedTime);
    return inclusionPromise === undefined || !(seconds > 0) ? [] : [new Date(seconds * 1000)];
  });
  return { timestamps, times: [...timestamps.map(({ time }) => time), ...promised] };
}

/** The earliest of them; `undefined` for none. */
export function earliest(times: readonly Date[]): Date | undefined {
  return times.length === 0 ? undefined : new Date(Math.min(...times.map((time) => time.getTime())));
}
