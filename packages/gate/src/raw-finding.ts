import type { Severity } from './severity.js';

/** What a finding is about; `malware` is a package that is itself the attack, `policy` a rule of the user's own. */
export type FindingKind =
  | 'vulnerability'
  | 'malware'
  | 'misconfiguration'
  | 'secret'
  | 'licence'
  | 'sast'
  | 'dast'
  | 'policy';
export const FINDING_KINDS: readonly FindingKind[] = [
  'vulnerability',
  'malware',
  'misconfiguration',
  'secret',
  'licence',
  'sast',
  'dast',
  'policy',
];

/** Where it is: a path in the repository or image (a URL for `dast`), and the line where the scanner names one. */
export interface FindingLocation {
  readonly path: string;
  readonly line?: number;
}

/** A vector that the source gives, and the base score that follows from it. */
export interface CvssScore {
  readonly vector: string;
  readonly score: number;
}

/** Who found it: `osv` is our own matching against a database, everything else the name of a scanner. One per match. */
export interface FindingSource {
  readonly name: string;
  /** The id that this source uses. */
  readonly id: string;
  readonly severity: Severity;
  /** Present where the source gives vectors and no word, so that the severity is ours: the worst of these. */
  readonly cvss?: readonly CvssScore[];
  /** Document that says so; absent for our own matching. */
  readonly report?: string;
  /** Version of the package that this match is about. */
  readonly version?: string;
  readonly location?: FindingLocation;
  /** Why the scanner itself left it out (ignore rule, comment in the source, VEX that it was given); hostile text. */
  readonly suppressed?: string;
}

/** Probability of exploitation in the next 30 days (FIRST EPSS), both 0 to 1. */
export interface Epss {
  readonly score: number;
  readonly percentile: number;
  readonly date?: string;
}

/** One source's word about one thing, before sources are merged. Texts are hostile, and cut. */
export interface RawFinding {
  readonly source: FindingSource;
  /** The id and what its own record names as aliases; never `related`. */
  readonly ids: readonly string[];
  /** Other ids that its record speaks of; no aliases of it or of each other, but what is exploited among them counts. */
  readonly mentions?: readonly string[];
  readonly kind: FindingKind;
  /** Canonical purl with version; absent for what is in no package. */
  readonly purl?: string;
  /** The report names no purl, so it was built from type and name: a source that knows better decides where they meet. */
  readonly inferred?: boolean;
  readonly ecosystem: string;
  readonly name: string;
  readonly version: string;
  /** Versions with a fix, as the source spells them. */
  readonly fixedIn?: string | readonly string[];
  readonly fixState?: 'fixed' | 'not-fixed' | 'wont-fix' | 'unknown';
  /** Hostile text of one line; never the secret or the request that a scanner quotes. */
  readonly title: string;
  readonly direct: boolean;
  readonly scope: 'runtime' | 'development';
  /** What makes two findings without a package the same one: tool, rule, path and line or fingerprint. */
  readonly identity?: string;
  readonly epss?: Epss;
  /** The scanner says that it is exploited (a copy of KEV); the date where it has one. */
  readonly exploited?: {
    readonly cve: string;
    readonly dateAdded: string;
    readonly dueDate: string;
    readonly ransomware: boolean;
  };
  /** Declared licence, for kind `licence`. */
  readonly licence?: string;
}
