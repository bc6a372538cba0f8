import type { Relation } from './finding.js';
import type { FindingKind } from './raw-finding.js';
import { SEVERITIES, type Severity } from './severity.js';

/** What happens to an open finding; ordered, each includes what the ones before it do. */
export type Action = 'trend' | 'backlog' | 'warn' | 'block';
export const ACTIONS: readonly Action[] = ['trend', 'backlog', 'warn', 'block'];

/** `audit`: the rule says what it would have done, and lets pass. */
export type Mode = 'audit' | 'enforce';

/** Rules that a policy configures; `kev` has no threshold, it blocks. */
export type RuleId = Severity | 'kev' | 'not-checked' | ExtraRule;
type ExtraRule = 'epss' | 'sla' | 'count' | 'licence' | 'required-report' | 'scanner-suppression';
export const RULE_IDS: readonly RuleId[] = [
  'kev',
  'critical',
  'high',
  'medium',
  'low',
  'informational',
  'unknown',
  'epss',
  'sla',
  'count',
  'licence',
  'required-report',
  'scanner-suppression',
  'not-checked',
];

export interface Threshold {
  readonly protected: Action;
  readonly other: Action;
}

export type Thresholds = Readonly<Record<Severity, Threshold>>;
export type PartialThresholds = Partial<Thresholds>;

/** What a document speaks for: `sca` known vulnerabilities of packages, `sast` code, `policy` own rules, `sbom` the list of packages. */
export type ReportKind = 'sast' | 'sca' | 'secrets' | 'dast' | 'iac' | 'licences' | 'policy' | 'sbom';
export const REPORT_KINDS: readonly ReportKind[] = [
  'sast',
  'sca',
  'secrets',
  'dast',
  'iac',
  'licences',
  'policy',
  'sbom',
];

/** Conditions under which alone an exception holds; all that are given must be true. */
export interface ExceptionConditions {
  /** The finding is at most this severe. */
  readonly severityAtMost?: Severity;
  readonly epssBelow?: number;
  /** No source names a fix yet. */
  readonly withoutFix?: boolean;
  readonly environment?: string;
}

/** An owned, dated waiver. `package` is a purl pattern (`*` matches any text; without a version, all versions). */
export interface PolicyException {
  /** Any id or alias of the finding; for a KEV finding exactly its CVE. */
  readonly id: string;
  /** A purl pattern, or a pattern of paths (`path:src/*`) for what is in no package. */
  readonly package: string;
  readonly owner: string;
  readonly reason: string;
  /** Dates, `YYYY-MM-DD`; the exception ends at the beginning of `expires`, UTC. */
  readonly created: string;
  readonly expires: string;
  /** Only with it can a KEV finding be waived. */
  readonly kev: boolean;
  readonly while?: ExceptionConditions;
}

/** Licences by SPDX expression; without `allow` everything that is not denied is allowed. */
export interface LicenceRules {
  readonly allow?: readonly string[];
  readonly deny: readonly string[];
  /** purl patterns whose licence is not looked at. */
  readonly packages: readonly string[];
  readonly denied: Threshold;
  /** Not SPDX, or an id that is not on the list: nobody knows what it permits. */
  readonly unresolved: Threshold;
}

export interface VexRules {
  /** Authors whose statements count; empty: none does. */
  readonly authors: readonly string[];
  /** Whoever signed a document must be one of them; empty: no signature is asked for. */
  readonly signers: readonly VexSigner[];
  /** Paths of documents in the repository that the policy itself comes from, at the same commit. */
  readonly documents: readonly string[];
}

/**
 * Who may sign statements. A workflow is named with its released commits and its repository, because a certificate's name alone
 * proves nothing: any repository can call a public reusable workflow.
 */
export type VexSigner =
  | {
      readonly by: 'workflow';
      /** OIDC issuer, compared whole. */
      readonly issuer: string;
      /** `host/owner/repo/.github/workflows/file.yml`. */
      readonly workflowPath: string;
      /** Commits of that workflow; full, at least one. */
      readonly signerDigests: readonly string[];
      readonly repositoryId: string;
      readonly ownerId: string;
      readonly sourceRef?: string;
      readonly runnerEnvironment: 'github-hosted' | 'self-hosted';
    }
  /** SPKI, PEM. */
  | { readonly by: 'key'; readonly publicKey: string };

/** The same for the same signer, however its commits are ordered. */
export function vexSignerKey(signer: VexSigner): string {
  if (signer.by === 'key') return `key\0${signer.publicKey.replaceAll(/\s+/g, '')}`;
  const { issuer, workflowPath, signerDigests, repositoryId, ownerId, sourceRef = '', runnerEnvironment } = signer;
  const commits = [...signerDigests].sort().join(' ');
  return [issuer, workflowPath, commits, repositoryId, ownerId, sourceRef, runnerEnvironment].join('\0');
}

export interface Policy {
  readonly version: 1;
  readonly thresholds: Thresholds;
  /** Thresholds that replace the ones above in a named environment, where they are stricter. */
  readonly environments: Readonly<Record<string, PartialThresholds>>;
  /** The same for branches (patterns with `*`) and for events. */
  readonly branches: Readonly<Record<string, PartialThresholds>>;
  readonly events: Readonly<Record<string, PartialThresholds>>;
  /** Thresholds that stand instead of the general ones, for a kind of finding or for how a package is depended on. */
  readonly kinds: Partial<Readonly<Record<FindingKind, PartialThresholds>>>;
  readonly relations: Partial<Readonly<Record<Relation, PartialThresholds>>>;
  readonly modes: Readonly<Record<RuleId, Mode>>;
  /** Most open findings of a severity; one more fails the rule `count`. */
  readonly counts: Partial<Readonly<Record<Severity, number>>>;
  /** Days in which a severity has to be gone after the gate first saw it, and what happens then. */
  readonly sla: { readonly days: Partial<Readonly<Record<Severity, number>>>; readonly overdue: Threshold };
  readonly epss?: { readonly above: number; readonly action: Threshold };
  /** The most that happens to a finding without a fix. */
  readonly withoutFix: Threshold;
  /** Kinds of report that must be there, by branch pattern (`protected` and `other` name the two classes). */
  readonly required: Readonly<Record<string, readonly ReportKind[]>>;
  readonly licences?: LicenceRules;
  readonly vex: VexRules;
  /** The most that is done about what a scanner left out by itself; less than `block` trusts its configuration. */
  readonly scannerSuppressions: Threshold;
  /** Ecosystems (or `kev`, `epss`) that may stay unchecked. */
  readonly notChecked: { readonly allow: readonly string[] };
  readonly exceptions: {
    readonly maxDays: number;
    readonly entries: readonly PolicyException[];
    /** Every owner must stand in CODEOWNERS or catalog-info.yaml. */
    readonly knownOwners: boolean;
  };
}

const always = (action: Action): Threshold => ({ protected: action, other: action });
const all = (threshold: Threshold): Thresholds =>
  Object.fromEntries(SEVERITIES.map((severity) => [severity, threshold])) as Record<Severity, Threshold>;

/** What holds where nobody wrote a policy. */
export const DEFAULT_POLICY: Policy = {
  version: 1,
  thresholds: {
    critical: always('block'),
    high: { protected: 'block', other: 'warn' },
    medium: always('backlog'),
    low: always('backlog'),
    informational: always('trend'),
    // Nobody judged it: as bad as the worst that may pass a review unseen.
    unknown: { protected: 'block', other: 'warn' },
  },
  environments: {},
  branches: {},
  events: {},
  kinds: {
    // A secret that was found is known to whoever can read the repository.
    secret: all(always('block')),
    // Scanners grade licences by their own taste; what counts is the list below.
    licence: all(always('backlog')),
    // An own rule says deny (high) or warn (medium), and means it everywhere.
    policy: { high: always('block'), medium: always('warn') },
  },
  relations: {},
  modes: Object.fromEntries(RULE_IDS.map((rule) => [rule, 'enforce'])) as Record<RuleId, Mode>,
  counts: {},
  sla: { days: { critical: 1, high: 7 }, overdue: { protected: 'block', other: 'warn' } },
  withoutFix: always('block'),
  required: {},
  vex: { authors: [], signers: [], documents: [] },
  scannerSuppressions: always('block'),
  notChecked: { allow: [] },
  exceptions: { maxDays: 90, entries: [], knownOwners: false },
};

export function stricter(a: Action, b: Action): Action {
  return ACTIONS.indexOf(a) >= ACTIONS.indexOf(b) ? a : b;
}

export function laxer(a: Action, b: Action): Action {
  return ACTIONS.indexOf(a) <= ACTIONS.indexOf(b) ? a : b;
}

export function stricterThreshold(a: Threshold, b: Threshold): Threshold {
  return { protected: stricter(a.protected, b.protected), other: stricter(a.other, b.other) };
}
