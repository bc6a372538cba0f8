import type { TrustedRoot } from '../trusted-root.js';
import { noteKeyId } from '../verify/signed-note.js';

/** A log with the read API of C2SP tlog-tiles (Rekor v2), as the trusted root names it. */
export interface TransparencyLog {
  readonly baseUrl: URL;
  /** First line of its checkpoints: the host of its address. */
  readonly origin: string;
  /** SPKI, DER; an Ed25519 key. */
  readonly publicKey: Buffer;
  readonly logId: Buffer;
}

export interface LogsOfRoot {
  readonly followed: readonly TransparencyLog[];
  /** Addresses of logs with another API or another kind of key, which nothing here can follow. */
  readonly others: readonly string[];
}

/** A log that takes nothing any more is read to its end for so long. */
const AFTER_END_MS = 7 * 24 * 3_600_000;
const ED25519_SPKI_BYTES = 44;

/** Every log whose window is open at `at`. Shards of one service are logs of their own. */
export function logsOf({ material }: TrustedRoot, at: Date): LogsOfRoot {
  const followed: TransparencyLog[] = [];
  const others: string[] = [];
  for (const { baseUrl, id, logId = id, spki, validFor } of material.tlogs) {
    if (at < validFor.start || at.getTime() > validFor.end.getTime() + AFTER_END_MS) continue;
    // The state of a log is kept under its id: a trusted root that adds another one must not make it a new log.
    const log = URL.canParse(baseUrl)
      ? [logId, id].map((name) => named(baseUrl, spki, name)).find(isTileLog)
      : undefined;
    if (log !== undefined) followed.push(log);
    else others.push(baseUrl);
  }
  return { followed, others };
}

function named(url: string, publicKey: Buffer, logId: Buffer): TransparencyLog {
  const baseUrl = new URL(url);
  return { baseUrl, origin: baseUrl.hostname, publicKey, logId };
}

/** Rekor v1 names its log by the hash of the key alone; a log with tiles by the key id of its checkpoints (C2SP signed-note). */
function isTileLog({ origin, publicKey, logId }: TransparencyLog): boolean {
  if (publicKey.length !== ED25519_SPKI_BYTES) return false;
  const id = noteKeyId(origin, publicKey);
  return id.subarray(0, logId.length).equals(logId) && logId.length >= 4;
}
