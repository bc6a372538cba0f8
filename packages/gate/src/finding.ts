import type { KevEntry } from './kev.js';
import type { Action, Mode, RuleId } from './policy.js';
import type { FindingSource } from './raw-finding.js';
import type { Severity } from './severity.js';

/** Which exception took a finding out of the decision. */
export interface Suppression {
  readonly exception: string;
  readonly package: string;
  readonly owner: string;
  readonly reason: string;
  readonly expires: string;
}

/** One vulnerability in one package, all sources together. Texts are hostile; whoever prints them escapes them. */
export interface Finding {
  /** The CVE where there is one, else the first id. */
  readonly id: string;
  /** Every other name of it, transitively. */
  readonly aliases: readonly string[];
  readonly kind: 'vulnerability' | 'malware';
  readonly title: string;
  readonly package: {
    /** Canonical, without version. */
    readonly purl: string;
    readonly ecosystem: string;
    readonly name: string;
    readonly versions: readonly string[];
    readonly direct: boolean;
    readonly scope: 'runtime' | 'development';
  };
  readonly fixedIn: readonly string[];
  /** The worst word of any source. */
  readonly severity: Severity;
  readonly sources: readonly FindingSource[];
  /** Whether sources that judge it judge it differently. */
  readonly disagreement: boolean;
  readonly kev?: KevEntry;
  readonly status: 'open' | 'suppressed';
  readonly suppressedBy?: Suppression;
  /** The rule that decided, what it asks for, and whether it is enforced. */
  readonly rule: RuleId;
  readonly action: Action;
  readonly mode: Mode;
}

/** A finding before any rule has looked at it. */
export type MergedFinding = Omit<Finding, 'status' | 'suppressedBy' | 'rule' | 'action' | 'mode'>;

export function isBlocking(finding: Finding): boolean {
  return finding.status === 'open' && finding.action === 'block' && finding.mode === 'enforce';
}
