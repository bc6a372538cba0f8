import type { Severity } from './severity.js';

/** Who found it: `osv` is our own matching against a database, everything else the name of a scanner. */
export interface FindingSource {
  readonly name: string;
  /** The id that this source uses. */
  readonly id: string;
  readonly severity: Severity;
}

/** One source's word about one package version, before sources are merged. */
export interface RawFinding {
  readonly source: FindingSource;
  /** The id and what its own record names as aliases; never `related`. */
  readonly ids: readonly string[];
  readonly kind: 'vulnerability' | 'malware';
  /** Canonical purl with version. */
  readonly purl: string;
  readonly ecosystem: string;
  readonly name: string;
  readonly version: string;
  readonly fixedIn?: string;
  /** Hostile text of one line. */
  readonly title: string;
  readonly direct: boolean;
  readonly scope: 'runtime' | 'development';
}
