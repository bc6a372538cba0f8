import type { Given } from './finding-record.js';
import type { FindingSource, RawFinding } from './raw-finding.js';

/** Made by a constructor for the reason that findings are: one hidden class, whichever members are absent. */
export class SourceRecord implements FindingSource {
  declare readonly name: string;
  declare readonly id: string;
  declare readonly severity: FindingSource['severity'];
  declare readonly cvss?: NonNullable<FindingSource['cvss']>;
  declare readonly report?: string;
  declare readonly version?: string;
  declare readonly location?: NonNullable<FindingSource['location']>;
  declare readonly suppressed?: string;

  constructor(given: Given<FindingSource>) {
    this.name = given.name;
    this.id = given.id;
    this.severity = given.severity;
    if (given.cvss !== undefined) this.cvss = given.cvss;
    if (given.report !== undefined) this.report = given.report;
    if (given.version !== undefined) this.version = given.version;
    if (given.location !== undefined) this.location = given.location;
    if (given.suppressed !== undefined) this.suppressed = given.suppressed;
  }
}

/** What the readers of the reports with the most matches make, one per match. */
export class RawRecord implements RawFinding {
  declare readonly source: FindingSource;
  declare readonly ids: readonly string[];
  declare readonly mentions?: readonly string[];
  declare readonly kind: RawFinding['kind'];
  declare readonly purl?: string;
  declare readonly ecosystem: string;
  declare readonly inferred?: boolean;
  declare readonly name: string;
  declare readonly version: string;
  declare readonly fixedIn?: NonNullable<RawFinding['fixedIn']>;
  declare readonly fixState?: NonNullable<RawFinding['fixState']>;
  declare readonly title: string;
  declare readonly direct: boolean;
  declare readonly scope: RawFinding['scope'];
  declare readonly identity?: string;
  declare readonly epss?: NonNullable<RawFinding['epss']>;
  declare readonly exploited?: NonNullable<RawFinding['exploited']>;
  declare readonly licence?: string;

  constructor(given: Given<Omit<RawFinding, 'direct' | 'scope'>>) {
    this.source = given.source;
    this.ids = given.ids;
    if (given.mentions !== undefined) this.mentions = given.mentions;
    this.kind = given.kind;
    if (given.purl !== undefined) this.purl = given.purl;
    this.ecosystem = given.ecosystem;
    if (given.inferred !== undefined) this.inferred = given.inferred;
    this.name = given.name;
    this.version = given.version;
    if (given.fixedIn !== undefined) this.fixedIn = given.fixedIn;
    if (given.fixState !== undefined) this.fixState = given.fixState;
    this.title = given.title;
    // No report tells whether a dependency is direct, or what it is for.
    this.direct = false;
    this.scope = 'runtime';
    if (given.identity !== undefined) this.identity = given.identity;
    if (given.epss !== undefined) this.epss = given.epss;
    if (given.exploited !== undefined) this.exploited = given.exploited;
    if (given.licence !== undefined) this.licence = given.licence;
  }
}
