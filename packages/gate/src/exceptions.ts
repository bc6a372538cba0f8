import { canonicalPurl } from '@paved/bom';
import type { MergedFinding, Suppression } from './finding.js';
import { byText } from './order.js';
import { wholeNames } from './own-names.js';
import { matchesPattern } from './pattern.js';
import type { PolicyException } from './policy.js';
import { SEVERITIES } from './severity.js';

const DAY_MS = 86_400_000;
/** How long before its end an exception is announced. */
export const EXPIRY_WARNING_DAYS = 14;

/** What became of one exception of the policy. */
export interface ExceptionReport {
  readonly id: string;
  readonly package: string;
  readonly owner: string;
  readonly reason: string;
  readonly expires: string;
  readonly state: 'used' | 'unused' | 'expired' | 'future';
  /** Whole days until it ends; negative once it has. */
  readonly daysLeft: number;
  readonly endsSoon: boolean;
}

/** The same spelling as the findings, where the pattern is a purl; a pattern with `*` may be none. */
function normalised(pattern: string): string {
  try {
    return pattern.includes('*') ? pattern.replace('/@', '/%40') : canonicalPurl(pattern);
  } catch {
    return pattern;
  }
}

/** A pattern with a version must match every version that was found: half a finding is not excepted. */
function coversPackage(entry: PolicyException, finding: MergedFinding): boolean {
  if (entry.package.startsWith('path:')) return coversPaths(entry.package.slice('path:'.length), finding);
  const { package: found } = finding;
  if (found === undefined) return false;
  const pattern = normalised(entry.package);
  if (!/.@/.test(pattern.slice(pattern.indexOf('/') + 1))) return matchesPattern(pattern, found.purl);
  return found.versions.every((version) =>
    matchesPattern(pattern, `${found.purl}@${encodeURIComponent(version.toWellFormed()).replaceAll('%3A', ':')}`),
  );
}

function coversPaths(pattern: string, { locations, package: found }: MergedFinding): boolean {
  return found === undefined && locations.length > 0 && locations.every(({ path }) => matchesPattern(pattern, path));
}

/** Each condition that is given has to be known to be true: an unknown score is not below anything. */
function holds(
  { while: conditions }: PolicyException,
  finding: MergedFinding,
  environment: string | undefined,
): boolean {
  if (conditions === undefined) return true;
  const { severityAtMost, epssBelow, withoutFix } = conditions;
  if (conditions.environment !== undefined && conditions.environment !== environment) return false;
  if (withoutFix === true && finding.fixedIn.length > 0) return false;
  if (epssBelow !== undefined && !(finding.epss !== undefined && finding.epss.score < epssBelow)) return false;
  if (severityAtMost === undefined) return true;
  const isJudged = finding.severity !== 'unknown';
  return isJudged && SEVERITIES.indexOf(finding.severity) >= SEVERITIES.indexOf(severityAtMost);
}

function coversId(entry: PolicyException, finding: MergedFinding): boolean {
  // What is exploited today is waived by name, or not at all.
  if (finding.kev !== undefined) return entry.kev && entry.id === finding.kev.cve;
  return entry.id === finding.id || finding.aliases.includes(entry.id);
}

/** A source that does not know what is exploited by its CVE is waived by its own name for it, beside that CVE. */
function knowsExploited(names: readonly string[], { kev }: MergedFinding): boolean {
  return kev === undefined || names.includes(kev.cve);
}

function dayOf(date: string): number {
  return Date.parse(`${date}T00:00:00Z`);
}

function lifetime(entry: PolicyException, at: number): 'active' | 'expired' | 'future' {
  if (at >= dayOf(entry.expires)) return 'expired';
  return at < dayOf(entry.created) ? 'future' : 'active';
}

const NO_EXCEPTIONS: readonly PolicyException[] = [];

/** Applies dated exceptions, and afterwards tells which were of use. */
export class Exceptions {
  readonly #entries: readonly PolicyException[];
  readonly #at: number;
  readonly #environment: string | undefined;
  readonly #used = new Set<PolicyException>();
  /** By the id that they name: each finding looks only at its own. */
  readonly #active = new Map<string, PolicyException[]>();

  /** `atMs`: the time of the decision. */
  constructor(entries: readonly PolicyException[], atMs: number, environment?: string) {
    const key = (entry: PolicyException) => `${entry.id}\0${entry.package}\0${entry.expires}\0${entry.owner}`;
    this.#entries = [...entries].sort((a, b) => byText(key(a), key(b)));
    this.#at = atMs;
    this.#environment = environment;
    for (const entry of this.#entries) {
      if (lifetime(entry, atMs) !== 'active') continue;
      const others = this.#active.get(entry.id);
      if (others === undefined) this.#active.set(entry.id, [entry]);
      else others.push(entry);
    }
  }

  /**
   * The first active exception that covers the finding. Of several vulnerabilities under one name each needs one, and each source that
   * does not know the excepted name; see {@link wholeNames} and `partialNames`.
   */
  suppression(finding: MergedFinding): Suppression | undefined {
    const { id, aliases, partialNames = [] } = finding;
    if (!this.#active.has(id) && !aliases.some((alias) => this.#active.has(alias))) return undefined;
    const entries = [
      ...wholeNames(finding).map((names) => this.#covering(names, finding, true)),
      ...partialNames.map((names) => this.#covering(names, finding, knowsExploited(names, finding))),
    ];
    const [first] = entries;
    if (first === undefined || !entries.every((entry) => entry !== undefined)) return undefined;
    for (const entry of entries) this.#used.add(entry);
    const { id: exception, package: pattern, owner, reason, expires } = first;
    return { by: 'exception', exception, package: pattern, owner, reason, expires };
  }

  /** @param byCve whether what is exploited has to be named by its CVE */
  #covering(names: readonly string[], finding: MergedFinding, byCve: boolean): PolicyException | undefined {
    for (const id of names) {
      for (const entry of this.#active.get(id) ?? NO_EXCEPTIONS) {
        if ((byCve && !coversId(entry, finding)) || this.#unmet(entry, finding) !== undefined) continue;
        return entry;
      }
    }
    return undefined;
  }

  /** Exceptions that name the finding, in force or not, for `explain`. */
  naming(finding: MergedFinding): readonly PolicyException[] {
    return this.#entries.filter(({ id }) => id === finding.id || finding.aliases.includes(id));
  }

  /** Why an exception does not cover a finding that it names; `undefined` when it does. */
  refusal(entry: PolicyException, finding: MergedFinding): string | undefined {
    const life = lifetime(entry, this.#at);
    if (life !== 'active') return life === 'expired' ? `it ended on ${entry.expires}` : `it begins on ${entry.created}`;
    if (!coversId(entry, finding)) return 'what is exploited needs an exception for exactly its CVE with kev: true';
    return this.#unmet(entry, finding);
  }

  #unmet(entry: PolicyException, finding: MergedFinding): string | undefined {
    if (!coversPackage(entry, finding)) return `its package "${entry.package}" does not cover every place`;
    return holds(entry, finding, this.#environment) ? undefined : 'its conditions are not met';
  }

  report(): readonly ExceptionReport[] {
    return this.#entries.map((entry) => {
      const { id, package: pattern, owner, reason, expires } = entry;
      const life = lifetime(entry, this.#at);
      const daysLeft = Math.floor((dayOf(expires) - this.#at) / DAY_MS);
      const used = this.#used.has(entry) ? 'used' : 'unused';
      return {
        id,
        package: pattern,
        owner,
        reason,
        expires,
        state: life === 'active' ? used : life,
        daysLeft,
        endsSoon: life === 'active' && daysLeft <= EXPIRY_WARNING_DAYS,
      };
    });
  }
}
