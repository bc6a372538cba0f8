import type { KevEntry } from './kev.js';
import type { Action, Mode, RuleId } from './policy.js';
import type { Epss, FindingKind, FindingLocation, FindingSource } from './raw-finding.js';
import type { Severity } from './severity.js';

/** What took a finding out of the decision. `scanner` is the scanner's own word, which the rule `scanner-suppression` judges. */
export type Suppression =
  | {
      readonly by: 'exception';
      readonly exception: string;
      readonly package: string;
      readonly owner: string;
      readonly reason: string;
      readonly expires: string;
    }
  | {
      readonly by: 'vex';
      readonly document: string;
      readonly author: string;
      readonly status: 'not_affected' | 'fixed';
      readonly reason: string;
      readonly timestamp: string;
    }
  | { readonly by: 'scanner'; readonly scanner: string; readonly reason: string };

/** `base-image` is a package of the operating system (deb, rpm, apk, alpm); `unknown` where no document says. */
export type Relation = 'direct' | 'transitive' | 'base-image' | 'unknown';

/** The package that a finding is in. */
export interface FindingPackage {
  /** Canonical, without version. */
  readonly purl: string;
  /** As the sources name it, with version and qualifiers; sorted. */
  readonly purls: readonly string[];
  readonly ecosystem: string;
  readonly name: string;
  readonly versions: readonly string[];
  readonly direct: boolean;
  readonly relation: Relation;
  readonly scope: 'runtime' | 'development';
}

/** One problem, all sources together. Texts are hostile; whoever prints them escapes them. */
export interface Finding {
  /** The same in every run, whatever the version of the package: for comparisons and fingerprints. */
  readonly identity: string;
  /** The CVE where there is one, else the first id; the rule of the scanner where it is no vulnerability. */
  readonly id: string;
  /** Every other name of it, transitively. */
  readonly aliases: readonly string[];
  readonly kind: FindingKind;
  readonly title: string;
  /** Absent for what is in no package. */
  readonly package?: FindingPackage;
  readonly locations: readonly FindingLocation[];
  readonly fixedIn: readonly string[];
  /** The worst word of any source. */
  readonly severity: Severity;
  /** One per match in the reports, so that their number adds up to what the scanners reported. */
  readonly sources: readonly FindingSource[];
  /** Whether sources that judge it judge it differently. */
  readonly disagreement: boolean;
  readonly kev?: KevEntry;
  readonly epss?: Epss;
  readonly licence?: string;
  /** When the gate first saw it (RFC 3339), and by when it is to be gone. */
  readonly firstSeen?: string;
  readonly dueAt?: string;
  readonly status: 'open' | 'suppressed';
  readonly suppressedBy?: Suppression;
  /** The rule that decided, what it asks for, and whether it is enforced. */
  readonly rule: RuleId;
  readonly action: Action;
  readonly mode: Mode;
}

/** A finding before any rule has looked at it. */
export interface MergedFinding
  extends Omit<Finding, 'status' | 'suppressedBy' | 'rule' | 'action' | 'mode' | 'firstSeen' | 'dueAt'> {
  /**
   * The names by which sources know it that do not know all of them, by their own words and those of databases. What takes the finding
   * away has to name one of each list. It stands in no document.
   */
  readonly partialNames?: readonly (readonly string[])[] | undefined;
}

/** What a scanner left out by itself still counts: its configuration may come from the change that is judged. */
export function isBlocking(finding: Finding): boolean {
  const counts = finding.status === 'open' || finding.suppressedBy?.by === 'scanner';
  return counts && finding.action === 'block' && finding.mode === 'enforce';
}
