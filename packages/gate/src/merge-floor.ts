import { unique } from './order.js';
import { assertExceptions } from './parse-policy.js';
import { type Mode, type Policy, RULE_IDS, type RuleId, stricterThreshold, type Threshold } from './policy.js';
import { SEVERITIES, type Severity } from './severity.js';

type Thresholds = Readonly<Record<Severity, Threshold>>;

function stricterThresholds(a: Thresholds, b: Partial<Thresholds>): Thresholds {
  const entries = SEVERITIES.map((severity) => [severity, stricterThreshold(a[severity], b[severity] ?? a[severity])]);
  return Object.fromEntries(entries) as Thresholds;
}

/** Thresholds of an environment: those of the policy, tightened by the environment's own. */
export function thresholdsIn(policy: Policy, environment: string | undefined): Thresholds {
  const own = environment !== undefined && Object.hasOwn(policy.environments, environment);
  return own ? stricterThresholds(policy.thresholds, policy.environments[environment] ?? {}) : policy.thresholds;
}

/**
 * The caller's policy on top of the floor that the platform team fixed: each threshold is the stricter one, a rule is enforced
 * if either enforces it, only what both allow may stay unchecked, and exceptions obey the shorter maximum.
 * @throws {GateError} `POLICY_INVALID` when an exception lasts longer than the floor allows
 */
export function mergeFloor(floor: Policy, policy: Policy): Policy {
  const names = unique([...Object.keys(floor.environments), ...Object.keys(policy.environments)]);
  const maxDays = Math.min(floor.exceptions.maxDays, policy.exceptions.maxDays);
  const entries = [...floor.exceptions.entries, ...policy.exceptions.entries];
  assertExceptions(entries, maxDays);
  const mode = (rule: RuleId): Mode => (floor.modes[rule] === 'audit' ? policy.modes[rule] : 'enforce');
  return {
    version: 1,
    thresholds: stricterThresholds(floor.thresholds, policy.thresholds),
    environments: Object.fromEntries(
      names.map((name) => [name, stricterThresholds(thresholdsIn(floor, name), thresholdsIn(policy, name))]),
    ),
    modes: Object.fromEntries(RULE_IDS.map((rule) => [rule, mode(rule)])) as Record<RuleId, Mode>,
    notChecked: { allow: floor.notChecked.allow.filter((name) => policy.notChecked.allow.includes(name)) },
    exceptions: { maxDays, entries },
  };
}
