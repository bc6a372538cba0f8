import { canonicalPurl } from '@paved/bom';
import type { MergedFinding, Suppression } from './finding.js';
import { byText } from './order.js';
import type { PolicyException } from './policy.js';

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

/** `*` stands for any text. Linear in the text for each part of the pattern: no regular expression from outside is ever built. */
function matchesPattern(pattern: string, text: string): boolean {
  const [head = '', ...parts] = pattern.split('*');
  if (parts.length === 0) return pattern === text;
  if (!text.startsWith(head)) return false;
  const tail = parts.pop() ?? '';
  let position = head.length;
  for (const part of parts) {
    const found = text.indexOf(part, position);
    if (found === -1) return false;
    position = found + part.length;
  }
  return text.length - tail.length >= position && text.endsWith(tail);
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
function coversPackage(entry: PolicyException, { package: found }: MergedFinding): boolean {
  const pattern = normalised(entry.package);
  if (!/.@/.test(pattern.slice(pattern.indexOf('/') + 1))) return matchesPattern(pattern, found.purl);
  return found.versions.every((version) =>
    matchesPattern(pattern, `${found.purl}@${encodeURIComponent(version).replaceAll('%3A', ':')}`),
  );
}

function coversId(entry: PolicyException, finding: MergedFinding): boolean {
  // What is exploited today is waived by name, or not at all.
  if (finding.kev !== undefined) return entry.kev && entry.id === finding.kev.cve;
  return entry.id === finding.id || finding.aliases.includes(entry.id);
}

function dayOf(date: string): number {
  return Date.parse(`${date}T00:00:00Z`);
}

function lifetime(entry: PolicyException, at: number): 'active' | 'expired' | 'future' {
  if (at >= dayOf(entry.expires)) return 'expired';
  return at < dayOf(entry.created) ? 'future' : 'active';
}

/** Applies dated exceptions, and afterwards tells which were of use. */
export class Exceptions {
  readonly #entries: readonly PolicyException[];
  readonly #at: number;
  readonly #used = new Set<PolicyException>();

  /** `atMs`: the time of the decision. */
  constructor(entries: readonly PolicyException[], atMs: number) {
    const key = (entry: PolicyException) => `${entry.id}\0${entry.package}\0${entry.expires}\0${entry.owner}`;
    this.#entries = [...entries].sort((a, b) => byText(key(a), key(b)));
    this.#at = atMs;
  }

  /** The first active exception that covers the finding. */
  suppression(finding: MergedFinding): Suppression | undefined {
    const active = this.#entries.filter((entry) => lifetime(entry, this.#at) === 'active');
    const entry = active.find((candidate) => coversId(candidate, finding) && coversPackage(candidate, finding));
    if (entry === undefined) return undefined;
    this.#used.add(entry);
    const { id, package: pattern, owner, reason, expires } = entry;
    return { exception: id, package: pattern, owner, reason, expires };
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
