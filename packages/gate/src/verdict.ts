import type { Digest } from '@paved/digest';
import { countBySeverity, type Decision } from './decide.js';
import { isBlocking } from './finding.js';
import { byText } from './order.js';
import { FINDING_KINDS, type FindingKind } from './raw-finding.js';
import type { ReportFormat } from './reports/parsed-report.js';
import type { Severity } from './severity.js';

export const VERDICT_MEDIA_TYPE = 'application/vnd.paved.verdict.v1+json';

/** A database as it was used; `modifiedAt` decided its age. */
export interface DatabaseUsed {
  readonly kind: 'osv' | 'kev' | 'epss';
  readonly ecosystem?: string;
  readonly source: string;
  readonly sha256: string;
  readonly modifiedAt: string;
  readonly records: number;
  /** Records about packages of the SBOM that their publisher took back. */
  readonly withdrawn?: number;
}

export interface DocumentUsed {
  /** `cyclonedx` and `spdx` are SBOMs; `cyclonedx-report` one that a scanner wrote its findings into. */
  readonly kind: 'cyclonedx' | 'spdx' | Exclude<ReportFormat, 'cyclonedx'> | 'cyclonedx-report' | 'vex' | 'verdict';
  readonly name: string;
  readonly sha256: string;
  /** Of a report: who wrote it, how many matches it has, and when it and its database say they were made. */
  readonly scanner?: string;
  readonly matches?: number;
  readonly createdAt?: string;
  readonly databaseBuiltAt?: string;
}

/** Where the effective policy came from; `sha256` of the text as read, absent for the built-in default. */
export interface PolicyUsed {
  readonly source: 'default' | 'input' | 'repository';
  readonly path?: string;
  readonly commit?: string;
  readonly sha256?: string;
  readonly floorSha256?: string;
}

export interface VerdictContext {
  readonly subject?: { readonly name: string; readonly digest: Digest };
  /** Files of the release, hashed by the gate itself. */
  readonly files: readonly { readonly name: string; readonly digest: Digest }[];
  readonly components: number;
  readonly policy: PolicyUsed;
  readonly databases: readonly DatabaseUsed[];
  readonly documents: readonly DocumentUsed[];
  readonly environment?: string;
  readonly branchProtected: boolean;
  readonly asOf: string;
  /** When the decision was taken; equals `asOf` unless the decision is repeated for an earlier time. */
  readonly at: string;
}

export interface VerdictCounts {
  readonly components: number;
  readonly findings: number;
  readonly blocking: number;
  readonly suppressed: number;
  readonly kev: number;
  readonly withdrawn: number;
  /** Entries of `sources` of all findings: what scanners and databases reported. */
  readonly matches: number;
  readonly byKind: Readonly<Record<FindingKind, number>>;
  readonly bySeverity: Readonly<Record<Severity, number>>;
}

/** docs/schemas/verdict.schema.json; also the predicate of the statement in slot `verdict`. */
export interface Verdict extends Decision, Omit<VerdictContext, 'components'> {
  readonly mediaType: typeof VERDICT_MEDIA_TYPE;
  readonly counts: VerdictCounts;
}

/** Puts decision and circumstances into one document, every list sorted. */
export function buildVerdict(decision: Decision, context: VerdictContext): Verdict {
  const { components, subject, files, policy, databases, documents, environment, branchProtected, asOf, at } = context;
  const { verdict, findings, unchecked, missingReports, rules, exceptions, vex } = decision;
  const counted = countOf(findings);
  const key = (entry: DatabaseUsed) => `${entry.kind}\0${entry.ecosystem ?? ''}\0${entry.sha256}`;
  return {
    mediaType: VERDICT_MEDIA_TYPE,
    verdict,
    ...(subject === undefined ? {} : { subject }),
    files: [...files].sort((a, b) => byText(a.name, b.name)),
    counts: {
      components,
      findings: findings.length,
      blocking: counted.blocking,
      suppressed: counted.suppressed,
      kev: counted.kev,
      withdrawn: databases.reduce((sum, entry) => sum + (entry.withdrawn ?? 0), 0),
      matches: counted.matches,
      byKind: counted.byKind,
      bySeverity: countBySeverity(findings),
    },
    findings,
    unchecked,
    missingReports,
    rules,
    exceptions,
    vex,
    policy,
    databases: [...databases].sort((a, b) => byText(key(a), key(b))),
    documents: [...documents].sort((a, b) => byText(a.name, b.name)),
    ...(environment === undefined ? {} : { environment }),
    branchProtected,
    asOf,
    at,
  };
}

/** In one pass over what may be a hundred thousand; `byKind` has the open ones, every kind named. */
function countOf(findings: Decision['findings']) {
  const byKind = Object.fromEntries(FINDING_KINDS.map((kind) => [kind, 0])) as Record<FindingKind, number>;
  let [blocking, suppressed, exploited, matches] = [0, 0, 0, 0];
  for (const finding of findings) {
    if (finding.status === 'open') byKind[finding.kind]++;
    else suppressed++;
    if (isBlocking(finding)) blocking++;
    if (finding.kev !== undefined) exploited++;
    matches += finding.sources.length;
  }
  return { blocking, suppressed, kev: exploited, matches, byKind };
}
