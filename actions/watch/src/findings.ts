export const WATCH_FINDINGS_MEDIA_TYPE = 'application/vnd.paved.watch-findings.v1+json';

/** An entry whose certificate was issued for one of our identities. */
export interface Finding {
  readonly log: string;
  readonly logIndex: number;
  readonly kind: string;
  /** SHA-256 of the certificate in hexadecimal. */
  readonly certificateSha256: string;
  /** Absent when the certificate cannot be read. */
  readonly identity?: string;
  readonly issuer?: string;
  readonly signerCommit?: string;
  readonly notBefore?: string;
  readonly run?: string;
  readonly explained: boolean;
  /** What does not fit, in words; empty when it is explained. */
  readonly reasons: readonly string[];
  readonly issue?: number;
}

/** What a log did that it must never do, or why it could not be read. */
export interface Alarm {
  readonly log: string;
  readonly code: string;
  readonly message: string;
  /** Signed note of the last run, where there was one: with the log's newest it is the proof. */
  readonly checkpoint?: string;
  readonly issue?: number;
}

/** How far one log was read in this run. */
export interface Progress {
  readonly log: string;
  readonly from: number;
  readonly next: number;
  readonly size: number;
  /** Entries under our names that no authority issued: anybody can log those. */
  readonly forged: number;
  /** Entries of a kind that is not known, or that are no JSON. */
  readonly unreadable: number;
}

export interface Findings {
  readonly mediaType: typeof WATCH_FINDINGS_MEDIA_TYPE;
  readonly at: string;
  readonly trustSequence: number;
  readonly progress: readonly Progress[];
  readonly findings: readonly Finding[];
  readonly alarms: readonly Alarm[];
}
