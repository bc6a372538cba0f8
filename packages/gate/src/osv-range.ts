import type { OsvAffected, OsvEvent } from './osv-record.js';
import type { CompareVersions } from './version-order.js';

type Kind = 'introduced' | 'fixed' | 'last_affected';
interface Step {
  readonly kind: Kind;
  readonly version: string;
}

/** `0` sorts before every version (OSV schema, "events"). */
function withZero(compare: CompareVersions): CompareVersions {
  return (a, b) => {
    if (a === '0' || b === '0') return Number(a !== '0') - Number(b !== '0');
    return compare(a, b);
  };
}

/** At one version an end is applied before a start: a database that says both is read as affected. */
const RANK: Readonly<Record<Kind, number>> = { fixed: 0, last_affected: 0, introduced: 1 };

function steps(events: readonly OsvEvent[], compare: CompareVersions): readonly Step[] {
  const all = events.flatMap((event) =>
    (['introduced', 'fixed', 'last_affected'] as const).flatMap((kind) => {
      const version = event[kind];
      return version === undefined ? [] : [{ kind, version }];
    }),
  );
  return all.sort((a, b) => compare(a.version, b.version) || RANK[a.kind] - RANK[b.kind]);
}

function beforeLimits(version: string, events: readonly OsvEvent[], compare: CompareVersions): boolean {
  const limits = events.flatMap(({ limit }) => (limit === undefined ? [] : [limit]));
  return limits.length === 0 || limits.some((limit) => limit === '*' || compare(version, limit) < 0);
}

function inRange(version: string, events: readonly OsvEvent[], compare: CompareVersions): boolean {
  if (!beforeLimits(version, events, compare)) return false;
  let vulnerable = false;
  for (const step of steps(events, compare)) {
    const order = compare(version, step.version);
    if (step.kind === 'introduced' && order >= 0) vulnerable = true;
    if (step.kind === 'fixed' && order >= 0) vulnerable = false;
    if (step.kind === 'last_affected' && order > 0) vulnerable = false;
  }
  return vulnerable;
}

/**
 * The evaluation of the OSV schema 1.7 ("Evaluation"): listed versions, then ranges of type SEMVER and ECOSYSTEM. Ranges of
 * commits say nothing about a published version. An entry that names the package and limits nothing covers all of it.
 * @throws {GateError} `VERSION_INVALID` when a range has to be evaluated and a version has no place in the order
 */
export function isAffected(version: string, part: OsvAffected, compare: CompareVersions): boolean {
  if (part.versions.includes(version)) return true;
  if (part.versions.length === 0 && part.ranges.length === 0) return true;
  const order = withZero(compare);
  return part.ranges.filter(({ type }) => type !== 'GIT').some(({ events }) => inRange(version, events, order));
}

/** The lowest version above `version` that ends a range, as the database spells it; `undefined` where there is no fix yet. */
export function fixedVersion(version: string, part: OsvAffected, compare: CompareVersions): string | undefined {
  const fixes = part.ranges
    .filter(({ type }) => type !== 'GIT')
    .flatMap(({ events }) => events.flatMap(({ fixed }) => (fixed === undefined ? [] : [fixed])));
  try {
    return fixes.filter((fixed) => compare(fixed, version) > 0).sort(compare)[0];
  } catch {
    return undefined;
  }
}
