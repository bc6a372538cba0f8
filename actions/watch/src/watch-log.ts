import type { TrustDocument } from '@paved/attestation';
import type { HttpClient } from '@paved/http';
import type { GitHubClient } from '@paved/runner-kit/github';
import { SigstoreError, type TrustedRoot } from '@paved/sigstore';
import { type FollowedLog, followLog, type TransparencyLog } from '@paved/sigstore/log';
import { unexplained } from './explain.js';
import type { Alarm, Finding, Progress } from './findings.js';
import { type Match, matchEntry } from './match.js';
import type { LogState } from './state.js';

/** What is left for all logs of a run. */
export interface Budget {
  entries: number;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

export interface Watching {
  readonly http: HttpClient;
  readonly client: GitHubClient;
  readonly serverUrl: string;
  readonly trust: TrustDocument;
  readonly trustedRoot: TrustedRoot;
  readonly budget: Budget;
}

/**
 * Where to begin: `continue` where the saved state ends, and at the beginning of a log that is new; `newest` at the end of a log
 * without state; or an index to look back from. None of them skips what a saved state has not seen.
 */
export type Start = 'continue' | 'newest' | number;

export interface WatchedLog {
  /** As it was before where the log could not be followed: the next run asks again. */
  readonly state: LogState | undefined;
  readonly progress: Progress | undefined;
  readonly findings: readonly Finding[];
  readonly alarm: Alarm | undefined;
}

interface Seen {
  next: number;
  forged: number;
  unreadable: number;
  readonly findings: Finding[];
}

/** What the log itself did wrong; everything else (no network, a defect) ends the run. */
const ALARMS: readonly string[] = [
  'LOG_SHRUNK',
  'LOG_FORKED',
  'LOG_TILE_INVALID',
  'LOG_ENTRY_MISMATCH',
  'LOG_STATE_INVALID',
  'CHECKPOINT_INVALID',
];

/** Follows one log and explains what it holds under our names; a log that breaks its word is an alarm, and hides no other log. */
export async function watchLog(
  log: TransparencyLog,
  saved: LogState | undefined,
  start: Start,
  watching: Watching,
): Promise<WatchedLog> {
  const seen: Seen = { next: saved?.next ?? 0, forged: 0, unreadable: 0, findings: [] };
  try {
    const followed = await followLog({ log, http: watching.http, saved: saved?.checkpoint });
    const { size, text } = followed.checkpoint;
    if (typeof start === 'number') seen.next = Math.min(start, saved?.next ?? start, size);
    else if (saved === undefined && start === 'newest') seen.next = size;
    const from = seen.next;
    if (from > size) {
      throw new SigstoreError(
        'LOG_STATE_INVALID',
        `Cannot continue log "${log.origin}" at ${from}: it has ${size} entries`,
        {
          hint: 'Look at what is wrong before starting again: either the state is of another log, or the log lost entries',
        },
      );
    }
    await read(followed, log, seen, watching);
    const { next, forged, unreadable, findings } = seen;
    const progress = { log: log.baseUrl.href, from, next, size, forged, unreadable };
    return {
      state: { logId: log.logId.toString('hex'), checkpoint: text, next },
      progress,
      findings,
      alarm: undefined,
    };
  } catch (error) {
    if (!(error instanceof SigstoreError) || !ALARMS.includes(error.code)) throw error;
    // Entries that were proved before it went wrong are told of; the place to go on stays where it was.
    const known = saved === undefined ? {} : { checkpoint: saved.checkpoint };
    const alarm = { log: log.baseUrl.href, code: error.code, message: error.message, ...known };
    return { state: saved, progress: undefined, findings: seen.findings, alarm };
  }
}

async function read(followed: FollowedLog, log: TransparencyLog, seen: Seen, watching: Watching): Promise<void> {
  const { budget } = watching;
  if (seen.next === followed.checkpoint.size) return;
  for await (const { from, entries } of followed.read(seen.next)) {
    const taken = entries.slice(0, Math.max(0, budget.entries));
    for (const [at, entry] of taken.entries()) await judge(entry, from + at, log, seen, watching);
    budget.entries -= taken.length;
    seen.next = from + taken.length;
    if (budget.entries <= 0 || Date.now() >= budget.until) return;
  }
}

async function judge(
  entry: Buffer,
  logIndex: number,
  log: TransparencyLog,
  seen: Seen,
  watching: Watching,
): Promise<void> {
  try {
    const { matches, forged } = matchEntry(entry, watching.trust, watching.trustedRoot);
    seen.forged += forged;
    for (const match of matches) seen.findings.push(await findingOf(match, logIndex, log, watching));
  } catch (error) {
    if (!(error instanceof SigstoreError) || error.code !== 'LOG_ENTRY_UNREADABLE') throw error;
    seen.unreadable += 1;
  }
}

async function findingOf(
  { kind, certificate, certificateSha256 }: Match,
  logIndex: number,
  log: TransparencyLog,
  { client, serverUrl, trust }: Watching,
): Promise<Finding> {
  const common = { log: log.baseUrl.href, logIndex, kind, certificateSha256 };
  if (certificate === undefined) {
    return { ...common, explained: false, reasons: ['an authority issued a certificate that cannot be read'] };
  }
  const { issuer, buildSignerDigest, runInvocationUri } = certificate.extensions;
  const reasons = await unexplained({ certificate, trust, serverUrl, client });
  return {
    ...common,
    identity: certificate.san,
    ...(issuer === undefined ? {} : { issuer }),
    ...(buildSignerDigest === undefined ? {} : { signerCommit: buildSignerDigest }),
    ...(runInvocationUri === undefined ? {} : { run: runInvocationUri }),
    notBefore: certificate.notBefore.toISOString(),
    explained: reasons.length === 0,
    reasons,
  };
}
