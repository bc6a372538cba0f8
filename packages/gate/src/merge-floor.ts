import { unique } from './order.js';
import { assertExceptions } from './parse-policy.js';
import {
  type LicenceRules,
  type Mode,
  type PartialThresholds,
  type Policy,
  RULE_IDS,
  type RuleId,
  stricterThreshold,
  type Thresholds,
  vexSignerKey,
} from './policy.js';
import { SEVERITIES, type Severity } from './severity.js';

/** Each severity's stricter threshold; what `b` leaves out is as in `a`. */
export function stricterThresholds(a: Thresholds, b: PartialThresholds): Thresholds {
  const entries = SEVERITIES.map((severity) => [severity, stricterThreshold(a[severity], b[severity] ?? a[severity])]);
  return Object.fromEntries(entries) as Thresholds;
}

/** Thresholds of an environment: those of the policy, tightened by the environment's own. */
export function thresholdsIn(policy: Policy, environment: string | undefined): Thresholds {
  const own = environment !== undefined && Object.hasOwn(policy.environments, environment);
  return own ? stricterThresholds(policy.thresholds, policy.environments[environment] ?? {}) : policy.thresholds;
}

type Named = Readonly<Record<string, PartialThresholds>>;

/** What only tightens: a name's threshold is the stricter of both. */
function tightened(a: Named, b: Named): Named {
  const merge = (name: string) => {
    const [left = {}, right = {}] = [own(a, name), own(b, name)];
    const entries = SEVERITIES.flatMap((severity) => {
      const [one, other] = [left[severity], right[severity]];
      if (one === undefined && other === undefined) return [];
      return [[severity, one && other ? stricterThreshold(one, other) : (one ?? other)]];
    });
    return [name, Object.fromEntries(entries)];
  };
  return Object.fromEntries(unique([...Object.keys(a), ...Object.keys(b)]).map(merge));
}

function own<T>(entries: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(entries, name) ? entries[name] : undefined;
}

/** What may also relax: for each name the stricter of what either would do in the end. */
function replaced(floor: Policy, policy: Policy, member: 'kinds' | 'relations'): Named {
  const [a, b] = [floor[member] as Named, policy[member] as Named];
  const effective = (source: Policy, entries: Named, name: string): Thresholds => ({
    ...source.thresholds,
    ...own(entries, name),
  });
  return Object.fromEntries(
    unique([...Object.keys(a), ...Object.keys(b)]).map((name) => [
      name,
      stricterThresholds(effective(floor, a, name), effective(policy, b, name)),
    ]),
  );
}

function smaller(
  a: Partial<Readonly<Record<Severity, number>>>,
  b: Partial<Readonly<Record<Severity, number>>>,
): Partial<Readonly<Record<Severity, number>>> {
  const entries = SEVERITIES.flatMap((severity) => {
    const numbers = [a[severity], b[severity]].filter((value) => value !== undefined);
    return numbers.length === 0 ? [] : [[severity, Math.min(...numbers)]];
  });
  return Object.fromEntries(entries);
}

function requiredReports(floor: Policy, policy: Policy): Policy['required'] {
  const names = unique([...Object.keys(floor.required), ...Object.keys(policy.required)]);
  return Object.fromEntries(
    names.map((name) => [
      name,
      [...new Set([...(own(floor.required, name) ?? []), ...(own(policy.required, name) ?? [])])].sort(),
    ]),
  );
}

function licenceRules(a: LicenceRules | undefined, b: LicenceRules | undefined): LicenceRules | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const allow = a.allow && b.allow ? a.allow.filter((id) => b.allow?.includes(id)) : (a.allow ?? b.allow);
  return {
    ...(allow === undefined ? {} : { allow }),
    deny: unique([...a.deny, ...b.deny]),
    packages: a.packages.filter((pattern) => b.packages.includes(pattern)),
    denied: stricterThreshold(a.denied, b.denied),
    unresolved: stricterThreshold(a.unresolved, b.unresolved),
  };
}

function epssRule(a: Policy['epss'], b: Policy['epss']): Policy['epss'] {
  if (a === undefined || b === undefined) return a ?? b;
  return { above: Math.min(a.above, b.above), action: stricterThreshold(a.action, b.action) };
}

/** The intersection where both name something; a floor that names nobody trusts nobody. */
function vexRules({ vex: floor }: Policy, { vex: policy }: Policy): Policy['vex'] {
  const signers =
    floor.signers.length === 0 || policy.signers.length === 0
      ? [...floor.signers, ...policy.signers]
      : floor.signers.filter((one) => policy.signers.some((other) => vexSignerKey(one) === vexSignerKey(other)));
  const bothSign = floor.signers.length > 0 && policy.signers.length > 0;
  const authors = floor.authors.filter((author) => policy.authors.includes(author));
  // Two lists of signers without a common one: nobody may sign.
  return { authors: bothSign && signers.length === 0 ? [] : authors, signers, documents: policy.documents };
}

/**
 * The caller's policy on top of the floor that the platform team fixed: each threshold is the stricter one, a rule is enforced
 * if either enforces it, only what both allow may stay unchecked or be believed, and exceptions obey the shorter maximum.
 * @throws {GateError} `POLICY_INVALID` when an exception lasts longer than the floor allows
 */
export function mergeFloor(floor: Policy, policy: Policy): Policy {
  const names = unique([...Object.keys(floor.environments), ...Object.keys(policy.environments)]);
  const maxDays = Math.min(floor.exceptions.maxDays, policy.exceptions.maxDays);
  const entries = [...floor.exceptions.entries, ...policy.exceptions.entries];
  assertExceptions(entries, maxDays);
  const mode = (rule: RuleId): Mode => (floor.modes[rule] === 'audit' ? policy.modes[rule] : 'enforce');
  const epss = epssRule(floor.epss, policy.epss);
  const licences = licenceRules(floor.licences, policy.licences);
  return {
    version: 1,
    thresholds: stricterThresholds(floor.thresholds, policy.thresholds),
    environments: Object.fromEntries(
      names.map((name) => [name, stricterThresholds(thresholdsIn(floor, name), thresholdsIn(policy, name))]),
    ),
    branches: tightened(floor.branches, policy.branches),
    events: tightened(floor.events, policy.events),
    kinds: replaced(floor, policy, 'kinds'),
    relations: replaced(floor, policy, 'relations'),
    modes: Object.fromEntries(RULE_IDS.map((rule) => [rule, mode(rule)])) as Record<RuleId, Mode>,
    counts: smaller(floor.counts, policy.counts),
    sla: {
      days: smaller(floor.sla.days, policy.sla.days),
      overdue: stricterThreshold(floor.sla.overdue, policy.sla.overdue),
    },
    ...(epss === undefined ? {} : { epss }),
    withoutFix: stricterThreshold(floor.withoutFix, policy.withoutFix),
    required: requiredReports(floor, policy),
    ...(licences === undefined ? {} : { licences }),
    vex: vexRules(floor, policy),
    scannerSuppressions: stricterThreshold(floor.scannerSuppressions, policy.scannerSuppressions),
    notChecked: { allow: floor.notChecked.allow.filter((name) => policy.notChecked.allow.includes(name)) },
    exceptions: {
      maxDays,
      entries,
      knownOwners: floor.exceptions.knownOwners || policy.exceptions.knownOwners,
    },
  };
}
