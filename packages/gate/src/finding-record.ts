import type { Finding, MergedFinding, Suppression } from './finding.js';

/** The same members; an optional one may also be given as `undefined`, which leaves it out. */
export type Given<T> = { readonly [K in keyof T]: Record<never, never> extends Pick<T, K> ? T[K] | undefined : T[K] };

/**
 * Findings are made by constructors, a hundred thousand at a time: of a literal that continues behind a spread the engine makes each
 * object with a hidden class of its own, five times as slow to make and ten times as slow to read. Members stand in the order of the document.
 */
export class MergedRecord implements MergedFinding {
  declare readonly identity: string;
  declare readonly id: string;
  declare readonly aliases: MergedFinding['aliases'];
  declare readonly kind: MergedFinding['kind'];
  declare readonly title: string;
  declare readonly package?: NonNullable<MergedFinding['package']>;
  declare readonly locations: MergedFinding['locations'];
  declare readonly fixedIn: MergedFinding['fixedIn'];
  declare readonly severity: MergedFinding['severity'];
  declare readonly sources: MergedFinding['sources'];
  declare readonly disagreement: boolean;
  declare readonly kev?: NonNullable<MergedFinding['kev']>;
  declare readonly epss?: NonNullable<MergedFinding['epss']>;
  declare readonly licence?: string;
  readonly #partialNames: MergedFinding['partialNames'];

  constructor(given: Given<MergedFinding>) {
    this.identity = given.identity;
    this.id = given.id;
    this.aliases = given.aliases;
    this.kind = given.kind;
    this.title = given.title;
    if (given.package !== undefined) this.package = given.package;
    this.locations = given.locations;
    this.fixedIn = given.fixedIn;
    this.severity = given.severity;
    this.sources = given.sources;
    this.disagreement = given.disagreement;
    if (given.kev !== undefined) this.kev = given.kev;
    if (given.epss !== undefined) this.epss = given.epss;
    if (given.licence !== undefined) this.licence = given.licence;
    this.#partialNames = given.partialNames;
  }

  get partialNames(): MergedFinding['partialNames'] {
    return this.#partialNames;
  }
}

type Judgement = Pick<Finding, 'firstSeen' | 'dueAt' | 'suppressedBy' | 'rule' | 'action' | 'mode'>;

/** The same with what the rules said. */
export class FindingRecord extends MergedRecord implements Finding {
  declare readonly firstSeen?: string;
  declare readonly dueAt?: string;
  declare readonly status: Finding['status'];
  declare readonly suppressedBy?: Suppression;
  declare readonly rule: Finding['rule'];
  declare readonly action: Finding['action'];
  declare readonly mode: Finding['mode'];

  constructor(merged: MergedFinding, given: Given<Judgement>) {
    super(merged);
    if (given.firstSeen !== undefined) this.firstSeen = given.firstSeen;
    if (given.dueAt !== undefined) this.dueAt = given.dueAt;
    this.status = given.suppressedBy === undefined ? 'open' : 'suppressed';
    if (given.suppressedBy !== undefined) this.suppressedBy = given.suppressedBy;
    this.rule = given.rule;
    this.action = given.action;
    this.mode = given.mode;
  }
}
