import { byText } from '../order.js';
import type { Reported } from './reported.js';

export const BACKLOG_MEDIA_TYPE = 'application/vnd.paved.backlog.v1+json';

/** What the policy lets pass for later, so that later comes: one entry per open finding with the action `backlog`. */
export interface Backlog {
  readonly mediaType: typeof BACKLOG_MEDIA_TYPE;
  readonly asOf: string;
  readonly subject?: { readonly name: string; readonly digest: string };
  readonly entries: readonly {
    readonly identity: string;
    readonly id: string;
    readonly severity: string;
    readonly kind: string;
    readonly purl?: string;
    readonly versions: readonly string[];
    readonly fixedIn: readonly string[];
    readonly firstSeen?: string;
    readonly dueAt?: string;
  }[];
}

export function buildBacklog({ findings, asOf, subject }: Reported): Backlog {
  const entries = findings
    .filter(({ status, action }) => status === 'open' && action === 'backlog')
    .map(({ identity, id, severity, kind, package: found, fixedIn, firstSeen, dueAt }) => ({
      identity,
      id,
      severity,
      kind,
      ...(found === undefined ? {} : { purl: found.purl }),
      versions: found?.versions ?? [],
      fixedIn,
      ...(firstSeen === undefined ? {} : { firstSeen }),
      ...(dueAt === undefined ? {} : { dueAt }),
    }))
    .sort((a, b) => byText(a.identity, b.identity));
  return { mediaType: BACKLOG_MEDIA_TYPE, asOf, ...(subject === undefined ? {} : { subject }), entries };
}
