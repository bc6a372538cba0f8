import type { Digest } from '@paved/digest';
import { GateError } from '../error.js';
import type { ReportKind } from '../policy.js';
import type { RawFinding } from '../raw-finding.js';

export type ReportFormat = 'grype' | 'trivy' | 'osv-scanner' | 'sarif' | 'cyclonedx';

/** One report, read. The number of its findings is the number of matches that the scanner reported, left out ones included. */
export interface ParsedReport {
  readonly format: ReportFormat;
  /** Name of the tool as it calls itself. */
  readonly scanner: string;
  readonly scannerVersion?: string;
  /** What it speaks for, whatever it found. */
  readonly kinds: readonly ReportKind[];
  readonly findings: readonly RawFinding[];
  /** Digests that it names as what was scanned. */
  readonly subjects: readonly Digest[];
  /** RFC 3339, in the tool's own words. */
  readonly createdAt?: string;
  /** Why it does not tell everything; what it found counts, what it did not find is not clean. */
  readonly incomplete?: string;
  readonly database?: { readonly builtAt: string; readonly version?: string };
}

/** Most findings of one report. */
export const MAX_FINDINGS = 250_000;

export function malformed(what: string, state: string): GateError {
  return new GateError('REPORT_MALFORMED', `Cannot read report ${what}: ${state}`, {
    hint: 'Give the JSON or SARIF that the scanner itself writes',
  });
}
