import { array, boolean, type Decoder, literal, object, optional, parseJson, string } from '@paved/json';
import { AttestationError } from './error.js';
import { timestamp } from './timestamp.js';

export const ISOLATION_MEDIA_TYPE = 'application/vnd.paved.isolation.v1+json';

export type IsolationMethod = 'root' | 'sudo' | 'user-namespace' | 'none';

export interface IsolationCheck {
  readonly name: string;
  readonly target: string;
  readonly outcome: 'blocked' | 'reachable';
  readonly detail?: string;
}

/** What the build machine found out about its own sandbox before the first user instruction; vouched for by `build` alone. */
export interface IsolationReport {
  readonly mediaType: typeof ISOLATION_MEDIA_TYPE;
  readonly method: IsolationMethod;
  readonly hermetic: boolean;
  readonly checks: readonly IsolationCheck[];
  readonly kernel: string;
  readonly at: string;
}

export const isolationReport: Decoder<IsolationReport> = object({
  mediaType: literal(ISOLATION_MEDIA_TYPE),
  method: literal('root', 'sudo', 'user-namespace', 'none'),
  hermetic: boolean,
  checks: array(
    object({ name: string, target: string, outcome: literal('blocked', 'reachable'), detail: optional(string) }),
  ),
  kernel: string,
  at: timestamp,
});

/**
 * A report that claims to be hermetic without isolation, without a check, or beside a reachable target contradicts itself.
 * @throws {AttestationError} `DOCUMENT_MALFORMED`
 */
export function parseIsolationReport(text: string): IsolationReport {
  const report = readReport(text);
  const reachable = report.checks.some((check) => check.outcome === 'reachable');
  if (report.hermetic && (report.method === 'none' || report.checks.length === 0 || reachable)) {
    throw new AttestationError(
      'DOCUMENT_MALFORMED',
      'Cannot accept the isolation report: it says hermetic and its own checks say otherwise',
      { hint: 'Hand over the report as hermetic-build wrote it, without changes' },
    );
  }
  return report;
}

function readReport(text: string): IsolationReport {
  try {
    return parseJson('the isolation report', text, isolationReport);
  } catch (cause) {
    throw new AttestationError('DOCUMENT_MALFORMED', 'Cannot read the isolation report', {
      cause,
      hint: 'Hand over the report as hermetic-build wrote it, without changes',
    });
  }
}
